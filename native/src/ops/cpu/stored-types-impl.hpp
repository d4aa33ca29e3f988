// Weight types of ggml whose own conversion to floats is slow in a build for any x86-64 (scalar, or by table), for one
// instruction set. Included after simd.hpp. Layouts: ggml-common.h, block_q4_0 and its kin.
#pragma once

namespace forja::cpu::FORJA_ISA {

#if defined(FORJA_SIMD_AVX512) || defined(FORJA_SIMD_AVX2)

FORJA_INLINE float half_at(const uint8_t * p) {
    uint16_t h;
    memcpy(&h, p, 2);
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
}

constexpr int TO_NEAREST = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

FORJA_INLINE uint16_t half_of(float x) { return (uint16_t) _mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(x), TO_NEAREST)); }

FORJA_INLINE __m128i bytes_at(const uint8_t * p) { return _mm_loadu_si128((const __m128i *) p); }
FORJA_INLINE __m128i low_nibbles(__m128i x) { return _mm_and_si128(x, _mm_set1_epi8(15)); }
FORJA_INLINE __m128i high_nibbles(__m128i x) { return low_nibbles(_mm_srli_epi16(x, 4)); }

/// dst[0 .. 16) = signed bytes * scale + offset
FORJA_INLINE void store_bytes(float * dst, __m128i bytes, vf scale, vf offset) {
#if defined(FORJA_SIMD_AVX512)
    store(dst, fma(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)), scale, offset));
#else
    store(dst, fma(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), scale, offset));
    store(dst + 8, fma(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))), scale, offset));
#endif
}

/// 16 where bit i of `bits` is set, in byte i.
FORJA_INLINE __m128i fifth_bits(uint32_t bits) {
    const __m128i spread = _mm_shuffle_epi8(_mm_cvtsi32_si128((int) bits),
                                            _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
    const __m128i which  = _mm_set1_epi64x((long long) 0x8040201008040201ull);
    return _mm_and_si128(_mm_cmpeq_epi8(_mm_and_si128(spread, which), which), _mm_set1_epi8(16));
}

static void f16_to_float(const void * src, float * dst, int64_t n) {
    const uint16_t * x = (const uint16_t *) src;
    int64_t          i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
#if defined(FORJA_SIMD_AVX512)
        store(dst + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) (x + i))));
#else
        store(dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (x + i))));
#endif
    }
    for (; i < n; ++i) {
        dst[i] = half_at((const uint8_t *) (x + i));
    }
}

/// Q4_0, Q4_1, Q5_0 and Q5_1: 32 values a block; a scale, with OFFSET an offset (without it values are centred), with
/// FIFTH 32 fifth bits, then 16 bytes of two values each, i and i + 16.
template <bool OFFSET, bool FIFTH> static void q45_to_float(const void * src, float * dst, int64_t n) {
    constexpr int HEAD  = 2 + (OFFSET ? 2 : 0);
    constexpr int BLOCK = HEAD + (FIFTH ? 4 : 0) + 16;
    const __m128i centre = _mm_set1_epi8(OFFSET ? 0 : FIFTH ? 16 : 8);
    for (const uint8_t * block = (const uint8_t *) src; n >= 32; n -= 32, block += BLOCK, dst += 32) {
        const vf      scale  = all(half_at(block));
        const vf      offset = OFFSET ? all(half_at(block + 2)) : zero();
        const __m128i both   = bytes_at(block + BLOCK - 16);
        __m128i       low = low_nibbles(both), high = high_nibbles(both);
        if constexpr (FIFTH) {
            uint32_t bits;
            memcpy(&bits, block + HEAD, 4);
            low  = _mm_or_si128(low, fifth_bits(bits));
            high = _mm_or_si128(high, fifth_bits(bits >> 16));
        }
        store_bytes(dst, _mm_sub_epi8(low, centre), scale, offset);
        store_bytes(dst + 16, _mm_sub_epi8(high, centre), scale, offset);
    }
}

/// Q6_K: 256 values: 128 bytes of low nibbles, 64 bytes of two high bits, 16 signed scales, a scale of all.
static void q6_k_to_float(const void * src, float * dst, int64_t n) {
    for (const uint8_t * block = (const uint8_t *) src; n >= 256; n -= 256, block += 210) {
        const float scale = half_at(block + 208);
        for (int half = 0; half < 2; ++half, dst += 128) {
            const uint8_t * low    = block + half * 64;
            const uint8_t * high   = block + 128 + half * 32;
            const int8_t *  scales = (const int8_t *) block + 192 + half * 8;
            for (int part = 0; part < 2; ++part) { // values part*16 .. +16 of each of four groups of 32
                const __m128i a = bytes_at(low + part * 16), b = bytes_at(low + 32 + part * 16);
                const __m128i h       = bytes_at(high + part * 16);
                const __m128i four[4] = {low_nibbles(a), low_nibbles(b), high_nibbles(a), high_nibbles(b)};
                const __m128i two     = _mm_set1_epi8(0x30);
                const __m128i top[4]  = {_mm_and_si128(_mm_slli_epi16(h, 4), two), _mm_and_si128(_mm_slli_epi16(h, 2), two),
                                         _mm_and_si128(h, two), _mm_and_si128(_mm_srli_epi16(h, 2), two)};
                for (int group = 0; group < 4; ++group) {
                    store_bytes(dst + group * 32 + part * 16,
                                _mm_sub_epi8(_mm_or_si128(four[group], top[group]), _mm_set1_epi8(32)),
                                all(scale * scales[group * 2 + part]), zero());
                }
            }
        }
    }
}

static to_float_fn fast_to_float(stored_type type) {
    switch (type) {
        case stored_type::f16: return f16_to_float;
        case stored_type::q4_0: return q45_to_float<false, false>;
        case stored_type::q4_1: return q45_to_float<true, false>;
        case stored_type::q5_0: return q45_to_float<false, true>;
        case stored_type::q5_1: return q45_to_float<true, true>;
        case stored_type::q6_k: return q6_k_to_float;
        default: return nullptr;
    }
}

#else

static to_float_fn fast_to_float(stored_type) { return nullptr; }

#endif

} // namespace forja::cpu::FORJA_ISA
