#include "support/random-adapter.hpp"

#include <cmath>

#include "base/random.hpp"

namespace forja::test {

saved_tuning random_adapter(const gguf_file & base, int64_t rank, double alpha, bool rslora, float b_size) {
    saved_tuning a;
    a.architecture           = *base.str("general.architecture");
    a.base_model_name        = base.str("general.name").value_or("");
    a.settings.lora_rank     = rank;
    a.settings.lora_alpha    = alpha;
    a.settings.lora_dropout  = 0.05;
    a.settings.use_rslora    = rslora;
    uint64_t key             = 7;
    for (const tensor_info & t : base.tensors()) {
        if (t.name.rfind("blk.", 0) != 0 || t.n_dims != 2) {
            continue;
        }
        const int64_t        n_in = t.ne[0], n_out = t.ne[1];
        saved_tuning::tensor low{t.name, "lora_a", n_in, rank, {}}, high{t.name, "lora_b", rank, n_out, {}};
        ++key;
        for (int64_t i = 0; i < n_in * rank; ++i) {
            low.values.push_back(static_cast<float>(2.0 * uniform01(key, static_cast<uint64_t>(i)) - 1.0) / std::sqrt(static_cast<float>(n_in)));
        }
        for (int64_t i = 0; i < n_out * rank; ++i) {
            high.values.push_back(b_size * static_cast<float>(2.0 * uniform01(key + 1000, static_cast<uint64_t>(i)) - 1.0));
        }
        a.tensors.push_back(std::move(low));
        a.tensors.push_back(std::move(high));
    }
    return a;
}

} // namespace forja::test
