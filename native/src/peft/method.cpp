#include "peft/method.hpp"

#include <set>

#include "base/error.hpp"
#include "peft/lora.hpp"

namespace forja {

std::unique_ptr<method> make_method(const method_settings & s, const tunable & base, bool training) {
    if (s.method == "lora") {
        return std::make_unique<lora>(s, base, training);
    }
    throw error("method_unknown", "There is no method '" + s.method + "'", "Use 'lora'.", {{"method", s.method}});
}

std::unique_ptr<method> method_from_adapter(const adapter_tensors & a, const tunable & base, bool training) {
    if (a.architecture != base.architecture()) {
        throw error("adapter_mismatch", "The adapter is for a " + a.architecture + " model and the base is " + base.architecture(),
                    "Use the base that the adapter was trained on.");
    }
    if (a.pairs.empty()) {
        throw error("adapter_mismatch", "The adapter holds no layers", "Use another adapter.");
    }
    method_settings s;
    s.lora_rank    = (int) a.pairs[0].rank;
    s.lora_alpha   = a.lora_alpha;
    s.lora_dropout = a.lora_dropout;
    s.use_rslora   = a.use_rslora;

    // The modules are read off the tensors, not off the settings: an adapter made elsewhere may not name them.
    std::set<std::string> adapted, modules;
    for (const adapter_tensors::pair & p : a.pairs) {
        adapted.insert(p.base_name);
    }
    for (const site & at : base.sites()) {
        if (adapted.count(at.weights->name)) {
            for (size_t from = 0; from <= at.role.size();) {
                const size_t comma = std::min(at.role.find(',', from), at.role.size());
                modules.insert(at.role.substr(from, comma - from));
                from = comma + 1;
            }
        }
    }
    s.target_modules.assign(modules.begin(), modules.end());
    std::unique_ptr<method> out = make_method(s, base, training);
    out->from_adapter(a);
    return out;
}

} // namespace forja
