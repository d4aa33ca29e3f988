#include "peft/method.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "peft/lora.hpp"

namespace forja {

const method_kind & dora_kind(); // dora.cpp

namespace {

[[noreturn]] void refuse_layers(const tunable & base) {
    std::set<std::string> roles;
    for (const site & at : base.sites()) {
        roles.insert(at.role);
    }
    std::string list;
    for (const std::string & role : roles) {
        list += (list.empty() ? "" : ", ") + role;
    }
    throw error("no_target_modules", "None of the target_modules is a layer of this model", "This model has: " + list + ". Or use all-linear.",
                {{"modules", list}});
}

[[noreturn]] void refuse_values(const std::string & why) {
    throw error("adapter_mismatch", "The adapter doesn't fit these settings: " + why,
                "Use the settings that it was trained with, and the same base model.");
}

/// The modules are read off the tensors, not off the settings: an adapter made elsewhere may not name them.
std::vector<std::string> modules_of(const saved_tuning & saved, const tunable & base) {
    std::set<std::string> modules;
    for (const site & at : base.sites()) {
        if (saved.has(at.weights->name)) {
            for (size_t from = 0; from <= at.role.size();) {
                const size_t comma = std::min(at.role.find(',', from), at.role.size());
                modules.insert(at.role.substr(from, comma - from));
                from = comma + 1;
            }
        }
    }
    return {modules.begin(), modules.end()};
}

} // namespace

const std::vector<const method_kind *> & method_kinds() {
    static const std::vector<const method_kind *> all = {&lora_kind(), &dora_kind()};
    return all;
}

const method_kind & method_kind_of(const std::string & name) {
    std::string known;
    for (const method_kind * kind : method_kinds()) {
        if (kind->name() == name) {
            return *kind;
        }
        known += std::string(known.empty() ? "'" : ", '") + kind->name() + "'";
    }
    throw error("method_unknown", "There is no method '" + name + "'", "Use " + known + ".", {{"method", name}});
}

bool llama_cpp_adapts(const std::string & architecture, const std::string & site) {
    if (architecture != "glm4" && architecture != "glm4moe" && architecture != "jais2") {
        return true;
    }
    return site.find(".attn_output.") == std::string::npos && site.find(".ffn_down") == std::string::npos;
}

namespace {
bool is_applied(const saved_tuning & saved) {
    const std::vector<std::string> sites = saved.sites();
    return std::all_of(sites.begin(), sites.end(), [&](const std::string & site) { return llama_cpp_adapts(saved.architecture, site); });
}
} // namespace

std::optional<export_refusal> refusal_of(const saved_tuning & saved, const std::string & format) {
    if (const auto by_method = method_kind_of(saved.settings.method).refuses(format)) {
        return by_method;
    }
    if (format == "gguf-adapter" && !is_applied(saved)) {
        return export_refusal{"llama.cpp stops with an assertion when it applies an adapter to the attn_output or ffn_down of " + saved.architecture + " models.",
                              "Export the merged model (gguf)."};
    }
    return {};
}

std::string file_type_of(const saved_tuning & saved) {
    const std::string type = method_kind_of(saved.settings.method).file_type();
    return type == "lora" && !is_applied(saved) ? unapplied_lora : type;
}

void require_exportable(const saved_tuning & saved, const std::string & format) {
    if (const auto refusal = refusal_of(saved, format)) {
        const bool by_method = method_kind_of(saved.settings.method).refuses(format).has_value();
        throw error("export_refused", refusal->why, refusal->hint,
                    {{"method", saved.settings.method}, {"format", format}, {"architecture", by_method ? "" : saved.architecture}});
    }
}

method::method(const method_kind & kind, const method_settings & s, const tunable & base)
    : s_(s), kind_(kind), architecture_(base.architecture()), base_name_(base.name()), lowest_block_(base.n_layer()) {
    for (const site & at : base.sites()) {
        if (!is_target(at.role, s_.target_modules)) {
            continue;
        }
        tuned_site one{at.weights, at.weights->weight->ne[0], at.weights->weight->ne[1], {}, {}};
        const auto size = [&](extent e) { return e == extent::in ? one.n_in : e == extent::out ? one.n_out : e == extent::rank ? s_.lora_rank : 1; };
        for (const part_kind & part : kind.parts()) {
            one.parts.push_back(params_.add(at.weights->name + "." + part.name, size(part.ne0), size(part.ne1)));
        }
        for (int i = 0; i < kind.fixed_per_output(); i++) {
            one.fixed.push_back(params_.add_fixed(one.n_out));
        }
        by_name_[at.weights->name] = sites_.size();
        sites_.push_back(std::move(one));
        lowest_block_ = std::min(lowest_block_, at.block);
    }
    if (sites_.empty()) {
        refuse_layers(base);
    }
}

std::shared_ptr<adapted_linear> method::adapt(const linear_weights & w, const dropout_keys & keys) {
    const auto found = by_name_.find(w.name);
    return !enabled_ || found == by_name_.end() ? nullptr : hook(found->second, keys);
}

saved_tuning method::saved() const {
    saved_tuning out;
    out.architecture    = architecture_;
    out.base_model_name = base_name_;
    out.settings        = s_;
    for (const tuned_site & at : sites_) {
        for (size_t i = 0; i < at.parts.size(); i++) {
            const ggml_tensor * t = params_.value(at.parts[i]);
            out.tensors.push_back({at.weights->name, kind_.parts()[i].name, t->ne[0], t->ne[1], params_.read(t)});
        }
    }
    return out;
}

void method::load(const saved_tuning & saved) {
    if (saved.settings.method != s_.method) {
        refuse_values("it is of the method " + saved.settings.method + ", here it is " + s_.method);
    }
    for (const std::string & name : saved.sites()) {
        const auto found = by_name_.find(name);
        if (found == by_name_.end()) {
            refuse_values("it adapts '" + name + "', which is not adapted here");
        }
        const tuned_site & at = sites_[found->second];
        for (size_t i = 0; i < at.parts.size(); i++) {
            const saved_tuning::tensor * from = saved.find(name, kind_.parts()[i].name);
            ggml_tensor *                to   = params_.value(at.parts[i]);
            if (!from || from->ne0 != to->ne[0] || from->ne1 != to->ne[1]) {
                refuse_values("'" + name + "' has another shape or rank");
            }
            params_.write(to, from->values.data(), from->values.size());
        }
    }
    if (const size_t n = saved.sites().size(); n != sites_.size()) {
        refuse_values("it adapts " + std::to_string(n) + " layers, here there are " + std::to_string(sites_.size()));
    }
    loaded();
}

std::unique_ptr<method> make_method(const method_settings & s, const tunable & base, bool training) {
    return method_kind_of(s.method).make(s, base, training);
}

std::unique_ptr<method> method_from_saved(const saved_tuning & saved, const tunable & base, bool training) {
    if (saved.architecture != base.architecture()) {
        throw error("adapter_mismatch", "The adapter is for a " + saved.architecture + " model and the base is " + base.architecture(),
                    "Use the base that the adapter was trained on.");
    }
    if (saved.tensors.empty()) {
        throw error("adapter_mismatch", "The adapter holds no layers", "Use another adapter.");
    }
    method_settings s      = saved.settings;
    s.target_modules       = modules_of(saved, base);
    std::unique_ptr<method> out = make_method(s, base, training);
    out->load(saved);
    return out;
}

} // namespace forja
