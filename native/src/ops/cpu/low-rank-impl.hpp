// Rows of a weight with an adapter's product added, for one instruction set. Included after simd.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

/// Keeps a product as it was rounded: without this, compilers that may fuse it with the sum it goes into do so on some
/// instruction sets and not on others, and the same merge would give another file.
FORJA_INLINE vf rounded(vf x) {
#if defined(__GNUC__) && (defined(__SSE2__) || defined(__x86_64__))
    __asm__("" : "+v"(x));
#elif defined(__GNUC__) && defined(__ARM_NEON) && defined(__aarch64__)
    __asm__("" : "+w"(x));
#endif
    return x;
}

FORJA_INLINE vf product(float c, vf a) { return rounded(mul(all(c), a)); }

/// `count` floats, VF_LANES unless PART.
template <bool PART> FORJA_INLINE vf load_some(const float * p, int64_t count) {
    return PART ? load_first(p, count) : load(p);
}

/// The columns [i, i + count) of ROWS rows; count is VF_LANES unless PART.
template <int ROWS, bool PART>
FORJA_INLINE void add_low_rank_columns(float * rows, int64_t stride, const float * a, const float * c, int64_t n, int64_t r,
                                       int64_t i, int64_t count) {
    vf sum[ROWS];
    FORJA_UNROLL
    for (int k = 0; k < ROWS; ++k) {
        sum[k] = load_some<PART>(rows + k * stride + i, count);
    }
    int64_t j = 0;
    for (; j + 4 <= r; j += 4) { // in fours: the order of summation is part of what add_low_rank promises
        const float * aj = a + j * n + i;
        const vf      a0 = load_some<PART>(aj, count), a1 = load_some<PART>(aj + n, count);
        const vf      a2 = load_some<PART>(aj + 2 * n, count), a3 = load_some<PART>(aj + 3 * n, count);
        FORJA_UNROLL
        for (int k = 0; k < ROWS; ++k) {
            const float * ck  = c + k * r + j;
            const vf      low = add(product(ck[0], a0), product(ck[1], a1)), high = add(product(ck[2], a2), product(ck[3], a3));
            sum[k]            = add(sum[k], add(low, high));
        }
    }
    for (; j < r; ++j) {
        const vf a0 = load_some<PART>(a + j * n + i, count);
        FORJA_UNROLL
        for (int k = 0; k < ROWS; ++k) {
            sum[k] = add(sum[k], product(c[k * r + j], a0));
        }
    }
    FORJA_UNROLL
    for (int k = 0; k < ROWS; ++k) {
        if (PART) {
            store_first(rows + k * stride + i, sum[k], count);
        } else {
            store(rows + k * stride + i, sum[k]);
        }
    }
}

template <int ROWS>
FORJA_INLINE void add_low_rank_rows(float * rows, int64_t stride, const float * a, const float * c, int64_t n, int64_t r) {
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        add_low_rank_columns<ROWS, false>(rows, stride, a, c, n, r, i, VF_LANES);
    }
    if (i < n) {
        add_low_rank_columns<ROWS, true>(rows, stride, a, c, n, r, i, n - i);
    }
}

static void add_low_rank(float * rows, int64_t stride, int64_t n_rows, const float * a, const float * c, int64_t n, int64_t r) {
    int64_t k = 0;
    for (; k + 4 <= n_rows; k += 4) { // each piece of A read once for four rows
        add_low_rank_rows<4>(rows + k * stride, stride, a, c + k * r, n, r);
    }
    for (; k < n_rows; ++k) {
        add_low_rank_rows<1>(rows + k * stride, stride, a, c + k * r, n, r);
    }
}

} // namespace forja::cpu::FORJA_ISA
