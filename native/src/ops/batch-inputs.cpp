#include <cmath>
#include <cstring>

#include "ops/ops.hpp"

namespace forja {

batch_inputs::batch_inputs(graph & g, const micro_batch & mb) : batch(&mb) {
    positions = g.input(GGML_TYPE_I32, {mb.n_tokens()},
                        [&mb](void * dst) { std::memcpy(dst, mb.positions.data(), mb.positions.size() * sizeof(int32_t)); });
    neg_positions = g.input(GGML_TYPE_I32, {mb.n_tokens()}, [&mb](void * dst) {
        for (size_t i = 0; i < mb.positions.size(); i++) {
            ((int32_t *) dst)[i] = -mb.positions[i];
        }
    });
}

ggml_tensor * batch_inputs::mask(graph & g, int64_t length, int n_swa) {
    for (const mask_entry & m : masks_) {
        if (m.length == length && m.n_swa == n_swa) {
            return m.tensor;
        }
    }
    ggml_tensor * t = g.input(GGML_TYPE_F32, {length, length}, [length, n_swa](void * dst) {
        float * m = (float *) dst;
        for (int64_t q = 0; q < length; q++) {
            for (int64_t k = 0; k < length; k++) {
                const bool seen  = k <= q && (n_swa <= 0 || q - k < n_swa);
                m[q * length + k] = seen ? 0.0f : -INFINITY;
            }
        }
    });
    masks_.push_back({length, n_swa, t});
    return t;
}

} // namespace forja
