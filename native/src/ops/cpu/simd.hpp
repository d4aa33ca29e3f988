// One vector of floats, `vf`, with VF_LANES lanes, and a mask, `vm`, over the instruction set that the including file
// chose. Included only by kernels-<isa>.cpp, which defines FORJA_ISA (a namespace of its own, so that no inline
// function is shared between instruction sets) and one of FORJA_SIMD_AVX512, FORJA_SIMD_AVX2, or neither (SSE2, NEON or
// plain C++). Nothing here or in the *-impl.hpp files may instantiate a standard template: the linker could keep that
// copy, compiled for a newer processor, for the whole program.
#pragma once

namespace forja::cpu::FORJA_ISA {

#if defined(_MSC_VER) && !defined(__clang__)
#define FORJA_INLINE static __forceinline
#define FORJA_NOINLINE static __declspec(noinline)
#define FORJA_RESTRICT __restrict
#define FORJA_UNROLL
#else
#define FORJA_INLINE static inline __attribute__((always_inline))
#define FORJA_NOINLINE static __attribute__((noinline))
#define FORJA_RESTRICT __restrict__
#if defined(__clang__)
#define FORJA_UNROLL _Pragma("unroll")
#else
#define FORJA_UNROLL _Pragma("GCC unroll 16")
#endif
#endif

template <typename T> FORJA_INLINE T min_of(T a, T b) { return b < a ? b : a; }
template <typename T> FORJA_INLINE T max_of(T a, T b) { return a < b ? b : a; }

// --- the operations, once for each instruction set ---------------------------------------------------------------------
// vmaxf(a, b): where a lane of either is NaN the result is b's lane (x86's rule; NEON: NaN). fma(a, b, c) = a*b + c.
// lanes(lo, hi): the mask of lanes in [lo, hi); bounds outside [0, VF_LANES] are allowed.
// scale2(x, n): x * 2^n for whole n; transpose(v): VF_LANES vectors as a square.

#if defined(FORJA_SIMD_AVX512)

constexpr int VF_LANES = 16;
using vf = __m512;
using vm = __mmask16;
FORJA_INLINE vf   load(const float * p) { return _mm512_loadu_ps(p); }
FORJA_INLINE void store(float * p, vf x) { _mm512_storeu_ps(p, x); }
FORJA_INLINE vf   all(float x) { return _mm512_set1_ps(x); }
FORJA_INLINE vf   add(vf a, vf b) { return _mm512_add_ps(a, b); }
FORJA_INLINE vf   sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
FORJA_INLINE vf   mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
FORJA_INLINE vf   div(vf a, vf b) { return _mm512_div_ps(a, b); }
FORJA_INLINE vf   fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
FORJA_INLINE vf   vmaxf(vf a, vf b) { return _mm512_max_ps(a, b); }
FORJA_INLINE vf   vminf(vf a, vf b) { return _mm512_min_ps(a, b); }
FORJA_INLINE vf   root(vf x) { return _mm512_sqrt_ps(x); }
FORJA_INLINE vf   round(vf x) { return _mm512_roundscale_ps(x, 8); }
FORJA_INLINE vf   scale2(vf x, vf n) { return _mm512_scalef_ps(x, n); }
FORJA_INLINE vf   select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
FORJA_INLINE vm   lanes(int64_t lo, int64_t hi) {
    const uint32_t below_hi = hi >= 16 ? 0xffffu : hi <= 0 ? 0u : (1u << hi) - 1u;
    const uint32_t below_lo = lo >= 16 ? 0xffffu : lo <= 0 ? 0u : (1u << lo) - 1u;
    return (vm) (below_hi & ~below_lo);
}
FORJA_INLINE float sum(vf x) { return _mm512_reduce_add_ps(x); }
FORJA_INLINE float max(vf x) { return _mm512_reduce_max_ps(x); }
FORJA_INLINE vf    load_first(const float * p, int64_t n) { return _mm512_maskz_loadu_ps(lanes(0, n), p); }
FORJA_INLINE void  store_first(float * p, vf x, int64_t n) { _mm512_mask_storeu_ps(p, lanes(0, n), x); }
FORJA_INLINE void  transpose(vf * v) {
    vf t[16];
    FORJA_UNROLL
    for (int i = 0; i < 16; i += 2) {
        t[i]     = _mm512_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    FORJA_UNROLL
    for (int i = 0; i < 16; i += 4) {
        v[i]     = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
        v[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
        v[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
        v[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
    }
    FORJA_UNROLL
    for (int i = 0; i < 4; ++i) {
        t[i]      = _mm512_shuffle_f32x4(v[i], v[i + 4], 0x88);
        t[i + 4]  = _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd);
        t[i + 8]  = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0xdd);
    }
    FORJA_UNROLL
    for (int i = 0; i < 4; ++i) {
        v[i]      = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        v[i + 8]  = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
        v[i + 4]  = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
        v[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
    }
}
FORJA_INLINE void store_bf16(uint16_t * p, vf x) {
#if defined(FORJA_SIMD_BF16)
    const __m256bh h = _mm512_cvtneps_pbh(x);
    memcpy(p, &h, 32);
#else
    const __m512i bits    = _mm512_castps_si512(x);
    const __m512i odd     = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __m512i quiet   = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000)); // NaN must not round to infinity
    const __m512i result  = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), rounded, quiet);
    _mm256_storeu_si256((__m256i *) p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16)));
#endif
}

#elif defined(FORJA_SIMD_AVX2)

constexpr int VF_LANES = 8;
using vf = __m256;
using vm = __m256;
FORJA_INLINE vf   load(const float * p) { return _mm256_loadu_ps(p); }
FORJA_INLINE void store(float * p, vf x) { _mm256_storeu_ps(p, x); }
FORJA_INLINE vf   all(float x) { return _mm256_set1_ps(x); }
FORJA_INLINE vf   add(vf a, vf b) { return _mm256_add_ps(a, b); }
FORJA_INLINE vf   sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
FORJA_INLINE vf   mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
FORJA_INLINE vf   div(vf a, vf b) { return _mm256_div_ps(a, b); }
FORJA_INLINE vf   fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
FORJA_INLINE vf   vmaxf(vf a, vf b) { return _mm256_max_ps(a, b); }
FORJA_INLINE vf   vminf(vf a, vf b) { return _mm256_min_ps(a, b); }
FORJA_INLINE vf   root(vf x) { return _mm256_sqrt_ps(x); }
FORJA_INLINE vf   round(vf x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
FORJA_INLINE vf   scale2(vf x, vf n) { // in two steps, so that results down to the smallest normal number are reached
    const __m256i k  = _mm256_cvtps_epi32(n);
    const __m256i k1 = _mm256_srai_epi32(k, 1);
    const __m256i k2 = _mm256_sub_epi32(k, k1);
    const __m256i b  = _mm256_set1_epi32(127);
    const vf      f1 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(k1, b), 23));
    const vf      f2 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(k2, b), 23));
    return mul(mul(x, f1), f2);
}
FORJA_INLINE vf select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
FORJA_INLINE vm lanes(int64_t lo, int64_t hi) {
    const __m256i i = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i l = _mm256_set1_epi32((int) max_of<int64_t>(min_of<int64_t>(lo, 8), 0) - 1);
    const __m256i h = _mm256_set1_epi32((int) max_of<int64_t>(min_of<int64_t>(hi, 8), 0));
    return _mm256_castsi256_ps(_mm256_and_si256(_mm256_cmpgt_epi32(i, l), _mm256_cmpgt_epi32(h, i)));
}
FORJA_INLINE float sum(vf x) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s        = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
FORJA_INLINE float max(vf x) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s        = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
FORJA_INLINE vf load_first(const float * p, int64_t n) {
    return _mm256_maskload_ps(p, _mm256_castps_si256(lanes(0, n)));
}
FORJA_INLINE void store_first(float * p, vf x, int64_t n) {
    _mm256_maskstore_ps(p, _mm256_castps_si256(lanes(0, n)), x);
}
FORJA_INLINE void transpose(vf * v) {
    vf t[8];
    FORJA_UNROLL
    for (int i = 0; i < 8; i += 2) {
        t[i]     = _mm256_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    FORJA_UNROLL
    for (int i = 0; i < 8; i += 4) {
        v[i]     = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        v[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        v[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        v[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    FORJA_UNROLL
    for (int i = 0; i < 4; ++i) {
        t[i]     = _mm256_permute2f128_ps(v[i], v[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(v[i], v[i + 4], 0x31);
    }
    FORJA_UNROLL
    for (int i = 0; i < 8; ++i) {
        v[i] = t[i];
    }
}
FORJA_INLINE void store_bf16(uint16_t * p, vf x) {
    const __m256i bits    = _mm256_castps_si256(x);
    const __m256i odd     = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet   = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000)); // NaN must not round to infinity
    const vf      r       = _mm256_blendv_ps(_mm256_castsi256_ps(rounded), _mm256_castsi256_ps(quiet),
                                             _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    const __m256i top     = _mm256_srli_epi32(_mm256_castps_si256(r), 16);
    _mm_storeu_si128((__m128i *) p,
                     _mm_packus_epi32(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1)));
}

#else

#if defined(__SSE2__) || defined(_M_X64)

constexpr int VF_LANES = 4;
using vf = __m128;
using vm = __m128;
FORJA_INLINE vf   load(const float * p) { return _mm_loadu_ps(p); }
FORJA_INLINE void store(float * p, vf x) { _mm_storeu_ps(p, x); }
FORJA_INLINE vf   all(float x) { return _mm_set1_ps(x); }
FORJA_INLINE vf   add(vf a, vf b) { return _mm_add_ps(a, b); }
FORJA_INLINE vf   sub(vf a, vf b) { return _mm_sub_ps(a, b); }
FORJA_INLINE vf   mul(vf a, vf b) { return _mm_mul_ps(a, b); }
FORJA_INLINE vf   div(vf a, vf b) { return _mm_div_ps(a, b); }
FORJA_INLINE vf   fma(vf a, vf b, vf c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
FORJA_INLINE vf   vmaxf(vf a, vf b) { return _mm_max_ps(a, b); }
FORJA_INLINE vf   vminf(vf a, vf b) { return _mm_min_ps(a, b); }
FORJA_INLINE vf   root(vf x) { return _mm_sqrt_ps(x); }
FORJA_INLINE vf   round(vf x) { return _mm_cvtepi32_ps(_mm_cvtps_epi32(x)); } // |x| < 2^31, as everywhere here
FORJA_INLINE vf   scale2(vf x, vf n) {
    const __m128i k  = _mm_cvtps_epi32(n);
    const __m128i k1 = _mm_srai_epi32(k, 1);
    const __m128i k2 = _mm_sub_epi32(k, k1);
    const __m128i b  = _mm_set1_epi32(127);
    return mul(mul(x, _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(k1, b), 23))),
               _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(k2, b), 23)));
}
FORJA_INLINE vf select(vm m, vf a, vf b) { return _mm_or_ps(_mm_and_ps(m, a), _mm_andnot_ps(m, b)); }
FORJA_INLINE vm lanes(int64_t lo, int64_t hi) {
    const __m128i i = _mm_setr_epi32(0, 1, 2, 3);
    const __m128i l = _mm_set1_epi32((int) max_of<int64_t>(min_of<int64_t>(lo, 4), 0) - 1);
    const __m128i h = _mm_set1_epi32((int) max_of<int64_t>(min_of<int64_t>(hi, 4), 0));
    return _mm_castsi128_ps(_mm_and_si128(_mm_cmpgt_epi32(i, l), _mm_cmpgt_epi32(h, i)));
}
FORJA_INLINE void transpose(vf * v) { _MM_TRANSPOSE4_PS(v[0], v[1], v[2], v[3]); }

#elif defined(__ARM_NEON) && defined(__aarch64__)

constexpr int VF_LANES = 4;
using vf = float32x4_t;
using vm = uint32x4_t;
FORJA_INLINE vf   load(const float * p) { return vld1q_f32(p); }
FORJA_INLINE void store(float * p, vf x) { vst1q_f32(p, x); }
FORJA_INLINE vf   all(float x) { return vdupq_n_f32(x); }
FORJA_INLINE vf   add(vf a, vf b) { return vaddq_f32(a, b); }
FORJA_INLINE vf   sub(vf a, vf b) { return vsubq_f32(a, b); }
FORJA_INLINE vf   mul(vf a, vf b) { return vmulq_f32(a, b); }
FORJA_INLINE vf   div(vf a, vf b) { return vdivq_f32(a, b); }
FORJA_INLINE vf   fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
FORJA_INLINE vf   vmaxf(vf a, vf b) { return vmaxq_f32(a, b); }
FORJA_INLINE vf   vminf(vf a, vf b) { return vminq_f32(a, b); }
FORJA_INLINE vf   root(vf x) { return vsqrtq_f32(x); }
FORJA_INLINE vf   round(vf x) { return vrndnq_f32(x); }
FORJA_INLINE vf   scale2(vf x, vf n) {
    const int32x4_t k  = vcvtnq_s32_f32(n);
    const int32x4_t k1 = vshrq_n_s32(k, 1);
    const int32x4_t k2 = vsubq_s32(k, k1);
    const int32x4_t b  = vdupq_n_s32(127);
    return mul(mul(x, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(k1, b), 23))),
               vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(k2, b), 23)));
}
FORJA_INLINE vf select(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }
FORJA_INLINE vm lanes(int64_t lo, int64_t hi) {
    const int32_t   first[4] = {0, 1, 2, 3};
    const int32x4_t i        = vld1q_s32(first);
    const int32x4_t l        = vdupq_n_s32((int) max_of<int64_t>(min_of<int64_t>(lo, 4), 0));
    const int32x4_t h        = vdupq_n_s32((int) max_of<int64_t>(min_of<int64_t>(hi, 4), 0));
    return vandq_u32(vcgeq_s32(i, l), vcgtq_s32(h, i));
}
FORJA_INLINE void transpose(vf * v) {
    const float32x4x2_t a = vtrnq_f32(v[0], v[1]);
    const float32x4x2_t b = vtrnq_f32(v[2], v[3]);
    v[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    v[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    v[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    v[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

#else // any other processor: four plain floats, left to the compiler

constexpr int VF_LANES = 4;
struct vf { float v[4]; };
struct vm { bool v[4]; };
#define FORJA_LANEWISE(expression)                                                                                     \
    vf r;                                                                                                              \
    for (int i = 0; i < 4; ++i) r.v[i] = (expression);                                                                 \
    return r
FORJA_INLINE vf   load(const float * p) { FORJA_LANEWISE(p[i]); }
FORJA_INLINE void store(float * p, vf x) { for (int i = 0; i < 4; ++i) p[i] = x.v[i]; }
FORJA_INLINE vf   all(float x) { FORJA_LANEWISE(x); }
FORJA_INLINE vf   add(vf a, vf b) { FORJA_LANEWISE(a.v[i] + b.v[i]); }
FORJA_INLINE vf   sub(vf a, vf b) { FORJA_LANEWISE(a.v[i] - b.v[i]); }
FORJA_INLINE vf   mul(vf a, vf b) { FORJA_LANEWISE(a.v[i] * b.v[i]); }
FORJA_INLINE vf   div(vf a, vf b) { FORJA_LANEWISE(a.v[i] / b.v[i]); }
FORJA_INLINE vf   fma(vf a, vf b, vf c) { FORJA_LANEWISE(a.v[i] * b.v[i] + c.v[i]); }
FORJA_INLINE vf   vmaxf(vf a, vf b) { FORJA_LANEWISE(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
FORJA_INLINE vf   vminf(vf a, vf b) { FORJA_LANEWISE(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
FORJA_INLINE vf   root(vf x) { FORJA_LANEWISE(sqrtf(x.v[i])); }
FORJA_INLINE vf   round(vf x) { FORJA_LANEWISE(nearbyintf(x.v[i])); }
FORJA_INLINE vf   scale2(vf x, vf n) { FORJA_LANEWISE(ldexpf(x.v[i], (int) n.v[i])); }
FORJA_INLINE vf   select(vm m, vf a, vf b) { FORJA_LANEWISE(m.v[i] ? a.v[i] : b.v[i]); }
FORJA_INLINE vm   lanes(int64_t lo, int64_t hi) {
    vm m;
    for (int i = 0; i < 4; ++i) m.v[i] = i >= lo && i < hi;
    return m;
}
FORJA_INLINE void transpose(vf * v) {
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < i; ++j) {
            const float t = v[i].v[j];
            v[i].v[j]     = v[j].v[i];
            v[j].v[i]     = t;
        }
    }
}
#undef FORJA_LANEWISE

#endif

// Four lanes: what is rare goes through memory.
FORJA_INLINE float sum(vf x) {
    float v[4];
    store(v, x);
    return (v[0] + v[2]) + (v[1] + v[3]);
}
FORJA_INLINE float max(vf x) {
    float v[4];
    store(v, x);
    return max_of(max_of(v[0], v[2]), max_of(v[1], v[3]));
}
FORJA_INLINE vf load_first(const float * p, int64_t n) {
    if (n >= 4) {
        return load(p);
    }
    float v[4] = {0, 0, 0, 0};
    for (int64_t i = 0; i < n; ++i) {
        v[i] = p[i];
    }
    return load(v);
}
FORJA_INLINE void store_first(float * p, vf x, int64_t n) {
    if (n >= 4) {
        store(p, x);
        return;
    }
    float v[4];
    store(v, x);
    for (int64_t i = 0; i < n; ++i) {
        p[i] = v[i];
    }
}
FORJA_INLINE void store_bf16(uint16_t * p, vf x) {
    float v[4];
    store(v, x);
    for (int i = 0; i < 4; ++i) {
        uint32_t bits;
        memcpy(&bits, &v[i], 4);
        const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
        p[i] = (uint16_t) (((bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x400000u : rounded) >> 16);
    }
}

#endif

FORJA_INLINE vf zero() { return all(0.0f); }

/// dst[c * dst_stride + row] = src[row * src_stride + c] for row < n_rows, c < n_cols; both at most VF_LANES. All
/// VF_LANES floats of each of the n_cols destination rows are written (zeros past n_rows), times `scale`.
FORJA_INLINE void transpose_block(float * dst, int64_t dst_stride, const float * src, int64_t src_stride, int64_t n_rows,
                                  int64_t n_cols, vf scale) {
    vf v[VF_LANES];
    if (n_rows >= VF_LANES && n_cols >= VF_LANES) {
        FORJA_UNROLL
        for (int i = 0; i < VF_LANES; ++i) {
            v[i] = mul(load(src + i * src_stride), scale);
        }
        transpose(v);
        FORJA_UNROLL
        for (int i = 0; i < VF_LANES; ++i) {
            store(dst + i * dst_stride, v[i]);
        }
        return;
    }
    for (int i = 0; i < VF_LANES; ++i) {
        v[i] = i < n_rows ? mul(load_first(src + i * src_stride, n_cols), scale) : zero();
    }
    transpose(v);
    for (int64_t i = 0; i < n_cols; ++i) {
        store(dst + i * dst_stride, v[i]);
    }
}

} // namespace forja::cpu::FORJA_ISA
