#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/device-attention.hpp"

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

ggml_tensor * batch_inputs::multi_positions(graph & g, int sign) {
    ggml_tensor *& t = multi_[sign < 0];
    if (!t) {
        const micro_batch & mb = *batch;
        t = g.input(GGML_TYPE_I32, {4 * mb.n_tokens()}, [&mb, sign](void * dst) {
            const size_t n = mb.positions.size();
            for (size_t i = 0; i < 4 * n; i++) {
                ((int32_t *) dst)[i] = i < 3 * n ? sign * mb.positions[i % n] : 0;
            }
        });
    }
    return t;
}

ggml_tensor * batch_inputs::shifted(graph & g, int back) {
    ggml_tensor *& t = shifted_[back];
    if (!t) {
        const micro_batch & mb = *batch;
        t = g.input(GGML_TYPE_I32, {mb.n_tokens()}, [&mb, back](void * dst) {
            for (int row = 0; row < mb.n_seq(); row++) {
                for (int32_t i = mb.seq_start[row]; i < mb.seq_start[row + 1]; i++) {
                    const int32_t from = i - back;
                    ((int32_t *) dst)[i] = from >= mb.seq_start[row] && from < mb.seq_start[row + 1] ? from : (int32_t) mb.n_tokens();
                }
            }
        });
    }
    return t;
}

// As large as the longest sequence needs: for a full tile of its queries and for the last one's keys.
const batch_inputs::mask_source & batch_inputs::source(graph & g, int n_swa) {
    for (const mask_source & m : masks_) {
        if (m.n_swa == n_swa) {
            return m;
        }
    }
    int64_t longest = 0;
    for (int i = 0; i < batch->n_seq(); i++) {
        longest = std::max<int64_t>(longest, batch->seq_start[i + 1] - batch->seq_start[i]);
    }
    const int64_t n      = std::min(longest, g.runner().attention_rows);
    int64_t       before = 0;
    for (const query_tile & tile : query_tiles(longest, n, n_swa)) {
        before = std::max(before, tile.n_before());
    }
    ggml_tensor * t      = g.input(GGML_TYPE_F32, {before + n, n}, [n, before, n_swa](void * dst) {
        float * m = (float *) dst;
        for (int64_t query = 0; query < n; query++) {
            for (int64_t key = -before; key < n; key++) {
                const bool seen = key <= query && (n_swa <= 0 || query - key < n_swa);
                *m++            = seen ? 0.0f : -INFINITY;
            }
        }
    });
    masks_.push_back({n_swa, before, t});
    return masks_.back();
}

ggml_tensor * batch_inputs::mask(graph & g, int64_t n, int64_t n_before, int n_swa) {
    const mask_source & m = source(g, n_swa);
    GGML_ASSERT(n_before <= m.n_before && n <= m.tensor->ne[1]);
    ggml_tensor * cut = ggml_view_2d(g.ctx(), m.tensor, n_before + n, n, m.tensor->nb[1], (m.n_before - n_before) * sizeof(float));
    return ggml_is_contiguous(cut) ? g.aligned(cut) : ggml_cont(g.ctx(), cut);
}

} // namespace forja
