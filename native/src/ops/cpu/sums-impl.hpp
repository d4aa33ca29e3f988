// Sums of rows, for one instruction set. Included after simd.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

static void add_rows(float * out, const float * a, int64_t a_stride, const float * b, int64_t b_stride, int64_t n, int64_t n_rows,
                     int ith, int nth) {
    for (int64_t row = n_rows * ith / nth; row < n_rows * (ith + 1) / nth; ++row) {
        const float * const ra = a + row * a_stride;
        const float * const rb = b + row * b_stride;
        float * const       to = out + row * a_stride;
        int64_t             i  = 0;
        for (; i + VF_LANES <= n; i += VF_LANES) {
            store(to + i, add(load(ra + i), load(rb + i)));
        }
        if (i < n) {
            store_first(to + i, add(load_first(ra + i, n - i), load_first(rb + i, n - i)), n - i);
        }
    }
}

} // namespace forja::cpu::FORJA_ISA
