// Floats to pairs of BF16 neighbours along a sum, as tile_product<true> takes them: each pair sits where a float would.
// Included after simd.hpp. Real only where there is a BF16 dot product; elsewhere nothing calls it.
#pragma once

namespace forja::cpu::FORJA_ISA {

#if defined(FORJA_SIMD_BF16)

/// 32 floats to 16 pairs of BF16, in order.
FORJA_INLINE vf to_pairs(const float * p) {
    return _mm512_castsi512_ps((__m512i) _mm512_cvtne2ps_pbh(load(p + 16), load(p)));
}

/// 16 pairs (even[i], odd[i]).
FORJA_INLINE vf interleave_pairs(vf even, vf odd) {
    const __m512i e = _mm512_cvtepu16_epi32((__m256i) _mm512_cvtneps_pbh(even));
    const __m512i o = _mm512_cvtepu16_epi32((__m256i) _mm512_cvtneps_pbh(odd));
    return _mm512_castsi512_ps(_mm512_or_si512(e, _mm512_slli_epi32(o, 16)));
}

#else

FORJA_INLINE vf to_pairs(const float *) { return zero(); }
FORJA_INLINE vf interleave_pairs(vf even, vf) { return even; }

#endif

/// dst[c * dst_stride + row] = the pair (src[row][2c], src[row][2c + 1]) for VF_LANES rows, zeros past n_rows, and for
/// the up to VF_LANES pairs that n_columns floats make; a last odd float is paired with zero.
FORJA_INLINE void transpose_pairs(float * dst, int64_t dst_stride, const float * src, int64_t src_stride, int64_t n_rows,
                                  int64_t n_columns) {
    vf v[VF_LANES];
    if (n_rows >= VF_LANES && n_columns >= 2 * VF_LANES) {
        FORJA_UNROLL
        for (int i = 0; i < VF_LANES; ++i) {
            v[i] = to_pairs(src + i * src_stride);
        }
        transpose(v);
        FORJA_UNROLL
        for (int i = 0; i < VF_LANES; ++i) {
            store(dst + i * dst_stride, v[i]);
        }
        return;
    }
    for (int64_t i = 0; i < VF_LANES; ++i) {
        float row[2 * VF_LANES] = {};
        if (i < n_rows) {
            memcpy(row, src + i * src_stride, sizeof(float) * (size_t) min_of<int64_t>(n_columns, 2 * VF_LANES));
        }
        v[i] = to_pairs(row);
    }
    transpose(v);
    for (int64_t i = 0; i < min_of<int64_t>((n_columns + 1) / 2, VF_LANES); ++i) {
        store(dst + i * dst_stride, v[i]);
    }
}

} // namespace forja::cpu::FORJA_ISA
