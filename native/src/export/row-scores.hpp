// What scoring rows with libllama has in common.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "data/token-file.hpp"

namespace forja {

/// log(sum of exp(x_i)) over n numbers, in double.
inline double log_sum_exp(const float * x, int32_t n) {
    const double max = *std::max_element(x, x + n);
    double       sum = 0;
    for (int32_t i = 0; i < n; ++i) {
        sum += std::exp(static_cast<double>(x[i]) - max);
    }
    return max + std::log(sum);
}

/// How much of a row is read: up to its last learnt token within max_seq_len, since nothing is asked of what comes after.
inline uint32_t supervised_length(const token_row & row, uint32_t max_seq_len) {
    uint32_t n = std::min(row.n_tokens, max_seq_len);
    while (n > 0 && !is_supervised(row.tokens[n - 1])) {
        --n;
    }
    return n;
}

} // namespace forja
