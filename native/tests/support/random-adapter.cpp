#include "support/random-adapter.hpp"

#include <cmath>

#include "base/random.hpp"

namespace forja::test {

adapter_tensors random_adapter(const gguf_file & base, int64_t rank, double alpha, bool rslora, float b_size) {
    adapter_tensors a;
    a.architecture    = *base.str("general.architecture");
    a.base_model_name = base.str("general.name").value_or("");
    a.lora_rank       = rank;
    a.lora_alpha      = alpha;
    a.lora_dropout    = 0.05;
    a.use_rslora      = rslora;
    a.target_modules  = {"q", "k", "v", "o", "gate", "up", "down"};
    uint64_t key      = 7;
    for (const tensor_info & t : base.tensors()) {
        if (t.name.rfind("blk.", 0) != 0 || t.n_dims != 2) {
            continue;
        }
        adapter_tensors::pair p{t.name, t.ne[0], t.ne[1], rank, {}, {}};
        ++key;
        for (int64_t i = 0; i < p.n_in * rank; ++i) {
            p.a.push_back(static_cast<float>(2.0 * uniform01(key, static_cast<uint64_t>(i)) - 1.0) / std::sqrt(static_cast<float>(p.n_in)));
        }
        for (int64_t i = 0; i < p.n_out * rank; ++i) {
            p.b.push_back(b_size * static_cast<float>(2.0 * uniform01(key + 1000, static_cast<uint64_t>(i)) - 1.0));
        }
        a.pairs.push_back(std::move(p));
    }
    return a;
}

} // namespace forja::test
