// The one matrix product that every kernel here is made of. Included after simd.hpp.
//
//   c[i][·] (+)= sum over k of a(i, k) * b[k][·]
//
// a(i, k) = a[i * a_row + k * a_k] is read as single floats (so a transposed operand costs nothing), b and c as whole
// vectors. Each output is one chain of fused multiply-adds over rising k, added to what was there last, whatever the
// blocking: how rows are grouped never changes a result.
//
// With PAIRS a "float" of a and b is a pair of neighbouring BF16 values along k (n_k counts pairs), and c stays F32.
#pragma once

namespace forja::cpu::FORJA_ISA {

// Rows x vectors held in registers: 32 registers hold 6 x 4, 16 hold 6 x 2, with room for the operands.
#if defined(FORJA_SIMD_AVX512) || defined(__aarch64__)
constexpr int TILE_VECTORS = 4;
#else
constexpr int TILE_VECTORS = 2;
#endif

FORJA_INLINE void prefetch(const void * p) {
#if defined(FORJA_X86_64)
    _mm_prefetch((const char *) p, _MM_HINT_T0);
#else
    (void) p;
#endif
}

template <bool PAIRS> FORJA_INLINE vf multiply_add(vf a, vf b, vf c) {
#if defined(FORJA_SIMD_BF16)
    if constexpr (PAIRS) {
        return _mm512_dpbf16_ps(c, (__m512bh) a, (__m512bh) b);
    }
#endif
    return fma(a, b, c);
}

template <bool PAIRS> FORJA_INLINE vf broadcast(const float * p) {
#if defined(FORJA_SIMD_BF16)
    if constexpr (PAIRS) { // written as integers, so read as bytes
        int32_t pair;
        memcpy(&pair, p, 4);
        return _mm512_castsi512_ps(_mm512_set1_epi32(pair));
    }
#endif
    return all(*p);
}

template <bool PAIRS, int ROWS, int VECTORS>
FORJA_NOINLINE void tile_kernel(int64_t n_k, const float * FORJA_RESTRICT a, int64_t a_row, int64_t a_k,
                                const float * FORJA_RESTRICT b, int64_t b_stride, float * FORJA_RESTRICT c,
                                int64_t c_stride, bool accumulate) {
    vf acc[ROWS][VECTORS];
    FORJA_UNROLL
    for (int i = 0; i < ROWS; ++i) {
        FORJA_UNROLL
        for (int j = 0; j < VECTORS; ++j) {
            acc[i][j] = zero();
        }
    }
    for (int64_t k = 0; k < n_k; ++k) {
        vf bv[VECTORS];
        FORJA_UNROLL
        for (int j = 0; j < VECTORS; ++j) {
            bv[j] = load(b + j * VF_LANES);
        }
        FORJA_UNROLL
        for (int i = 0; i < ROWS; ++i) {
            const vf av = broadcast<PAIRS>(a + i * a_row);
            FORJA_UNROLL
            for (int j = 0; j < VECTORS; ++j) {
                acc[i][j] = multiply_add<PAIRS>(av, bv[j], acc[i][j]);
            }
        }
        a += a_k;
        b += b_stride;
    }
    FORJA_UNROLL
    for (int i = 0; i < ROWS; ++i) {
        FORJA_UNROLL
        for (int j = 0; j < VECTORS; ++j) {
            float * const at = c + i * c_stride + j * VF_LANES;
            store(at, accumulate ? add(load(at), acc[i][j]) : acc[i][j]);
        }
    }
}

/// n_rows rows by exactly VECTORS vectors.
template <bool PAIRS, int VECTORS>
FORJA_INLINE void tile_rows(int64_t n_rows, int64_t n_k, const float * a, int64_t a_row, int64_t a_k, const float * b,
                            int64_t b_stride, float * c, int64_t c_stride, bool accumulate) {
#define FORJA_ROWS(ROWS)                                                                                               \
    for (; n_rows >= ROWS; n_rows -= ROWS, a += ROWS * a_row, c += ROWS * c_stride) {                                  \
        tile_kernel<PAIRS, ROWS, VECTORS>(n_k, a, a_row, a_k, b, b_stride, c, c_stride, accumulate);                          \
    }
    if constexpr (TILE_VECTORS == 4 && VECTORS <= 2) {
        FORJA_ROWS(12)
    }
    if constexpr (TILE_VECTORS == 4 && VECTORS == 3) {
        FORJA_ROWS(8)
    }
    if constexpr (TILE_VECTORS == 2 && VECTORS == 1) {
        FORJA_ROWS(8)
    }
    FORJA_ROWS(6)
    FORJA_ROWS(4)
    FORJA_ROWS(2)
    FORJA_ROWS(1)
#undef FORJA_ROWS
}

/// n_rows rows by n_vectors vectors.
template <bool PAIRS = false>
FORJA_INLINE void tile_product(int64_t n_rows, int64_t n_vectors, int64_t n_k, const float * a, int64_t a_row, int64_t a_k,
                               const float * b, int64_t b_stride, float * c, int64_t c_stride, bool accumulate) {
    while (n_vectors > 0) {
        int64_t done;
        if constexpr (TILE_VECTORS == 4) {
            if (n_vectors >= 4 && n_vectors != 5) { // 5 as 3 + 2: one vector alone makes poor use of its loads
                tile_rows<PAIRS, 4>(n_rows, n_k, a, a_row, a_k, b, b_stride, c, c_stride, accumulate);
                done = 4;
            } else if (n_vectors >= 3) {
                tile_rows<PAIRS, 3>(n_rows, n_k, a, a_row, a_k, b, b_stride, c, c_stride, accumulate);
                done = 3;
            } else if (n_vectors == 2) {
                tile_rows<PAIRS, 2>(n_rows, n_k, a, a_row, a_k, b, b_stride, c, c_stride, accumulate);
                done = 2;
            } else {
                tile_rows<PAIRS, 1>(n_rows, n_k, a, a_row, a_k, b, b_stride, c, c_stride, accumulate);
                done = 1;
            }
        } else {
            if (n_vectors >= 2) {
                tile_rows<PAIRS, 2>(n_rows, n_k, a, a_row, a_k, b, b_stride, c, c_stride, accumulate);
                done = 2;
            } else {
                tile_rows<PAIRS, 1>(n_rows, n_k, a, a_row, a_k, b, b_stride, c, c_stride, accumulate);
                done = 1;
            }
        }
        n_vectors -= done;
        b += done * VF_LANES;
        c += done * VF_LANES;
    }
}

} // namespace forja::cpu::FORJA_ISA
