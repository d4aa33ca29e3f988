// Floats to the stored types whose own conversion in ggml is scalar in a build for any x86-64, to the same bits, for one
// instruction set. Included after stored-types-impl.hpp, low-rank-impl.hpp and the k-quants. Layouts: ggml-common.h,
// block_q8_0.
#pragma once

namespace forja::cpu::FORJA_ISA {

#if defined(FORJA_SIMD_AVX512) || defined(FORJA_SIMD_AVX2)

static void float_to_f16(const float * src, void * dst, int64_t n) {
    uint16_t * h = (uint16_t *) dst;
    int64_t    i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
#if defined(FORJA_SIMD_AVX512)
        _mm256_storeu_si256((__m256i *) (h + i), _mm512_cvtps_ph(load(src + i), TO_NEAREST));
#else
        _mm_storeu_si128((__m128i *) (h + i), _mm256_cvtps_ph(load(src + i), TO_NEAREST));
#endif
    }
    for (; i < n; ++i) {
        h[i] = half_of(src[i]);
    }
}

/// Whole numbers nearest to x, halves away from zero, as roundf: below a half, the largest float is added and the rest cut
/// off (for |x| < 2^23). Then bytes.
#if defined(FORJA_SIMD_AVX512)
FORJA_INLINE __m128i sixteen_bytes(const float * src, vf factor) {
    const __m512 x    = rounded(mul(load(src), factor));
    const __m512 sign = _mm512_and_ps(x, all(-0.0f));
    return _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(add(x, _mm512_or_ps(sign, all(0.49999997f)))));
}
#else
FORJA_INLINE __m256i eight_bytes(const float * src, vf factor) {
    const __m256 x    = rounded(mul(load(src), factor));
    const __m256 sign = _mm256_and_ps(x, all(-0.0f));
    // The lowest byte, as a cast takes it: the packing below would saturate what an infinite factor makes of a tiny number.
    return _mm256_and_si256(_mm256_cvttps_epi32(add(x, _mm256_or_ps(sign, all(0.49999997f)))), _mm256_set1_epi32(255));
}
FORJA_INLINE __m128i sixteen_bytes(const float * src, vf factor) {
    const __m256i low = eight_bytes(src, factor), high = eight_bytes(src + 8, factor);
    const __m128i a = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    const __m128i b = _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    return _mm_packus_epi16(a, b);
}
#endif

/// Q8_0: 32 values a block: a scale as a half, then a signed byte each.
static void float_to_q8_0(const float * src, void * dst, int64_t n) {
    for (uint8_t * block = (uint8_t *) dst; n >= 32; n -= 32, src += 32, block += 34) {
        vf top = zero();
        for (int i = 0; i < 32; i += VF_LANES) {
            const vf x = load(src + i);
            top        = vmaxf(top, vmaxf(x, sub(zero(), x)));
        }
        const float    scale  = max(top) / 127;
        const vf       factor = all(scale != 0.0f ? 1.0f / scale : 0.0f);
        const uint16_t h      = half_of(scale);
        memcpy(block, &h, 2);
        _mm_storeu_si128((__m128i *) (block + 2), sixteen_bytes(src, factor));
        _mm_storeu_si128((__m128i *) (block + 18), sixteen_bytes(src + 16, factor));
    }
}

static from_float_fn fast_from_float(stored_type type) {
    switch (type) {
        case stored_type::f16: return float_to_f16;
        case stored_type::q8_0: return float_to_q8_0;
        case stored_type::q4_k: return float_to_q45_k<false>;
        case stored_type::q5_k: return float_to_q45_k<true>;
        case stored_type::q6_k: return float_to_q6_k;
        default: return nullptr;
    }
}

#else

static from_float_fn fast_from_float(stored_type) { return nullptr; }

#endif

} // namespace forja::cpu::FORJA_ISA
