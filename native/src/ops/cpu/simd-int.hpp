// One vector of whole numbers, `vu`: VF_LANES lanes of 32 bits, for what makes random bits. Included after simd.hpp.
//
// below(a, b): the mask of lanes with a < b, for numbers below 2^31. Products keep their lower 32 bits.
#pragma once

namespace forja::cpu::FORJA_ISA {

#if defined(FORJA_SIMD_AVX512)

using vu = __m512i;
FORJA_INLINE vu load_u(const uint32_t * p) { return _mm512_loadu_si512(p); }
FORJA_INLINE vu all_u(uint32_t x) { return _mm512_set1_epi32((int) x); }
FORJA_INLINE vu add_u(vu a, vu b) { return _mm512_add_epi32(a, b); }
FORJA_INLINE vu mul_u(vu a, vu b) { return _mm512_mullo_epi32(a, b); }
FORJA_INLINE vu xor_u(vu a, vu b) { return _mm512_xor_si512(a, b); }
template <int N> FORJA_INLINE vu shift_right(vu a) { return _mm512_srli_epi32(a, N); }
FORJA_INLINE vm below(vu a, vu b) { return _mm512_cmplt_epu32_mask(a, b); }

#elif defined(FORJA_SIMD_AVX2)

using vu = __m256i;
FORJA_INLINE vu load_u(const uint32_t * p) { return _mm256_loadu_si256((const __m256i *) p); }
FORJA_INLINE vu all_u(uint32_t x) { return _mm256_set1_epi32((int) x); }
FORJA_INLINE vu add_u(vu a, vu b) { return _mm256_add_epi32(a, b); }
FORJA_INLINE vu mul_u(vu a, vu b) { return _mm256_mullo_epi32(a, b); }
FORJA_INLINE vu xor_u(vu a, vu b) { return _mm256_xor_si256(a, b); }
template <int N> FORJA_INLINE vu shift_right(vu a) { return _mm256_srli_epi32(a, N); }
FORJA_INLINE vm below(vu a, vu b) { return _mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a)); }

#elif defined(__SSE2__) || defined(_M_X64)

using vu = __m128i;
FORJA_INLINE vu load_u(const uint32_t * p) { return _mm_loadu_si128((const __m128i *) p); }
FORJA_INLINE vu all_u(uint32_t x) { return _mm_set1_epi32((int) x); }
FORJA_INLINE vu add_u(vu a, vu b) { return _mm_add_epi32(a, b); }
FORJA_INLINE vu mul_u(vu a, vu b) { // SSE2 multiplies two lanes at a time
    const __m128i even = _mm_mul_epu32(a, b);
    const __m128i odd  = _mm_mul_epu32(_mm_srli_epi64(a, 32), _mm_srli_epi64(b, 32));
    return _mm_unpacklo_epi32(_mm_shuffle_epi32(even, 0x08), _mm_shuffle_epi32(odd, 0x08));
}
FORJA_INLINE vu xor_u(vu a, vu b) { return _mm_xor_si128(a, b); }
template <int N> FORJA_INLINE vu shift_right(vu a) { return _mm_srli_epi32(a, N); }
FORJA_INLINE vm below(vu a, vu b) { return _mm_castsi128_ps(_mm_cmplt_epi32(a, b)); }

#elif defined(__ARM_NEON) && defined(__aarch64__)

using vu = uint32x4_t;
FORJA_INLINE vu load_u(const uint32_t * p) { return vld1q_u32(p); }
FORJA_INLINE vu all_u(uint32_t x) { return vdupq_n_u32(x); }
FORJA_INLINE vu add_u(vu a, vu b) { return vaddq_u32(a, b); }
FORJA_INLINE vu mul_u(vu a, vu b) { return vmulq_u32(a, b); }
FORJA_INLINE vu xor_u(vu a, vu b) { return veorq_u32(a, b); }
template <int N> FORJA_INLINE vu shift_right(vu a) { return vshrq_n_u32(a, N); }
FORJA_INLINE vm below(vu a, vu b) { return vcltq_u32(a, b); }

#else

struct vu { uint32_t v[4]; };
#define FORJA_LANEWISE(expression)                                                                                     \
    vu r;                                                                                                              \
    for (int i = 0; i < 4; ++i) r.v[i] = (expression);                                                                 \
    return r
FORJA_INLINE vu load_u(const uint32_t * p) { FORJA_LANEWISE(p[i]); }
FORJA_INLINE vu all_u(uint32_t x) { FORJA_LANEWISE(x); }
FORJA_INLINE vu add_u(vu a, vu b) { FORJA_LANEWISE(a.v[i] + b.v[i]); }
FORJA_INLINE vu mul_u(vu a, vu b) { FORJA_LANEWISE(a.v[i] * b.v[i]); }
FORJA_INLINE vu xor_u(vu a, vu b) { FORJA_LANEWISE(a.v[i] ^ b.v[i]); }
template <int N> FORJA_INLINE vu shift_right(vu a) { FORJA_LANEWISE(a.v[i] >> N); }
#undef FORJA_LANEWISE
FORJA_INLINE vm below(vu a, vu b) {
    vm m;
    for (int i = 0; i < 4; ++i) m.v[i] = a.v[i] < b.v[i];
    return m;
}

#endif

/// start, start + step, start + 2 step …
FORJA_INLINE vu rising(uint32_t start, uint32_t step) {
    uint32_t lane[VF_LANES];
    for (int i = 0; i < VF_LANES; ++i) {
        lane[i] = start + (uint32_t) i * step;
    }
    return load_u(lane);
}

} // namespace forja::cpu::FORJA_ISA
