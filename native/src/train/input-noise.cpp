#include "train/input-noise.hpp"

#include <cmath>

#include "base/random.hpp"

namespace forja {

void add_input_noise(std::vector<float> & values, const micro_batch & mb, double alpha, uint64_t key) {
    const size_t n = values.size() / mb.tokens.size();
    for (int row = 0; row < mb.n_seq(); row++) {
        const auto begin = (size_t) mb.seq_start[row], end = (size_t) mb.seq_start[row + 1];
        const auto most  = (float) (alpha / std::sqrt((double) (end - begin) * (double) n));
        for (size_t t = begin; t < end; t++) {
            const uint64_t of_token = stream_key(key, 0x6e6f697365, mb.dropout_ids[t]);
            for (size_t i = 0; i < n; i++) {
                values[t * n + i] += most * (2.0f * uniform01(of_token, i) - 1.0f);
            }
        }
    }
}

} // namespace forja
