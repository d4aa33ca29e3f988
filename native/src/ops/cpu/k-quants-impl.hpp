// Floats to Q6_K with the search that ggml makes, one small block a lane, for one instruction set; and what that shares
// with Q4_K and Q5_K (k-quants-offset-impl.hpp). Included after stored-types-impl.hpp and low-rank-impl.hpp. Layouts:
// ggml-common.h, block_q4_K and its kin. Source of the search: make_qx_quants and make_qkx2_quants of ggml-quants.c.
//
// A superblock of 256 values holds small blocks of N values with a scale each, which a search over several factors finds:
// its sums run along a small block and can't be split without rounding otherwise. So each lane makes one small block's
// sums, in ggml's order, with no product fused into a sum: the bits are ggml's.
#pragma once

namespace forja::cpu::FORJA_ISA {

#if defined(FORJA_SIMD_AVX512)

FORJA_INLINE vm less(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); } // false for NaN
FORJA_INLINE vm both(vm a, vm b) { return (vm) (a & b); }
FORJA_INLINE vf square_root(vf x) { return _mm512_sqrt_ps(x); }
FORJA_INLINE void store_whole_bytes(uint8_t * p, vf x) { // 0 .. 255
    _mm_storeu_si128((__m128i *) p, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
}

#elif defined(FORJA_SIMD_AVX2)

FORJA_INLINE vm less(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
FORJA_INLINE vm both(vm a, vm b) { return _mm256_and_ps(a, b); }
FORJA_INLINE vf square_root(vf x) { return _mm256_sqrt_ps(x); }
FORJA_INLINE void store_whole_bytes(uint8_t * p, vf x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64((__m128i *) p, _mm_packus_epi16(words, words));
}

#endif

#if defined(FORJA_SIMD_AVX512) || defined(FORJA_SIMD_AVX2)

constexpr int SUPERBLOCK = 256;

FORJA_INLINE vf  exact_mul(vf a, vf b) { return rounded(mul(a, b)); }
FORJA_INLINE vf  magnitude(vf x) { return vmaxf(x, sub(zero(), x)); }
FORJA_INLINE vf  clamp(vf x, float low, float high) { return vminf(vmaxf(x, all(low)), all(high)); } // NaN: low
FORJA_INLINE int nearest(float x) { return _mm_cvtss_si32(_mm_set_ss(x)); }

/// VF_LANES small blocks of N values: t[l * VF_LANES + s] is value l of block s.
template <int N> FORJA_INLINE void across(const float * x, float * t) {
    for (int c = 0; c < N; c += VF_LANES) {
        vf v[VF_LANES];
        FORJA_UNROLL
        for (int s = 0; s < VF_LANES; ++s) {
            v[s] = load(x + s * N + c);
        }
        transpose(v);
        FORJA_UNROLL
        for (int l = 0; l < VF_LANES; ++l) {
            store(t + (c + l) * VF_LANES, v[l]);
        }
    }
}

struct factors {
    float of[21];
};

// --- Q6_K: x = scale * q

/// -(32 + i / 10) for i from -9 to 9, without 0, rounded as ggml's are.
constexpr factors signed_factors() {
    factors f{};
    for (int i = -9, at = 0; i <= 9; ++i) {
        if (i != 0) {
            const float moved = 0.1f * (float) i;
            f.of[at++]        = -(32.0f + moved);
        }
    }
    return f;
}

constexpr float NOTHING = 1e-15f; // a block whose largest is smaller is all zeros

/// The scales of VF_LANES small blocks of 16 each, and the factor that gives the q of the search: q = round(factor * x).
/// Least squares with weights of x^2.
FORJA_INLINE void search_signed(const float * x, float * scales, float * q_factors) {
    static constexpr factors tried = signed_factors();
    alignas(64) float        t[16 * VF_LANES], weights[16 * VF_LANES];
    across<16>(x, t);
    vf size = zero(), top = zero(); // the first of the largest, and its magnitude
    for (int l = 0; l < 16; ++l) {
        const vf v = load(t + l * VF_LANES), m = magnitude(v);
        top  = select(less(size, m), v, top);
        size = vmaxf(size, m);
        store(weights + l * VF_LANES, mul(v, v));
    }
    const vm is_zero = less(size, all(NOTHING));
    vf       factor = div(all(-32), top), q_factor = factor, scale = zero(), best = zero();
    for (int step = -1; step < 18; ++step) {
        factor = step < 0 ? factor : div(all(tried.of[step]), top);
        vf sum_xq = zero(), sum_q2 = zero();
        for (int l = 0; l < 16; ++l) {
            const vf v = load(t + l * VF_LANES), w = load(weights + l * VF_LANES);
            const vf q = clamp(round(exact_mul(factor, v)), -32, 31);
            sum_xq     = add(sum_xq, exact_mul(exact_mul(w, v), q));
            sum_q2     = add(sum_q2, exact_mul(exact_mul(w, q), q));
        }
        const vm is_some = less(zero(), sum_q2);
        const vm better  = step < 0 ? is_some : both(is_some, less(exact_mul(best, sum_q2), exact_mul(sum_xq, sum_xq)));
        const vf ratio   = div(sum_xq, sum_q2);
        q_factor         = select(better, factor, q_factor);
        scale            = select(better, ratio, scale);
        best             = select(better, exact_mul(ratio, sum_xq), best);
    }
    store(scales, select(is_zero, zero(), scale));
    store(q_factors, select(is_zero, zero(), q_factor));
}

/// A superblock: 128 bytes of low nibbles, 64 of two high bits, 16 signed scales, a scale of all as a half.
FORJA_INLINE void write_signed_block(const float * x, const float * scales, const float * q_factors, uint8_t * block) {
    float size = 0, top = 0;
    for (int s = 0; s < 16; ++s) {
        const float m = scales[s] < 0 ? -scales[s] : scales[s];
        if (m > size) {
            size = m;
            top  = scales[s];
        }
    }
    if (size < NOTHING) {
        memset(block, 0, 210);
        return;
    }
    const float    to_scale = -128.0f / top;
    const uint16_t d        = half_of(1 / to_scale);
    memcpy(block + 208, &d, 2);
    uint8_t values[SUPERBLOCK];
    for (int s = 0; s < 16; ++s) {
        const int8_t scale = (int8_t) min_of(127, nearest(to_scale * scales[s]));
        memcpy(block + 192 + s, &scale, 1);
        const float unit   = half_at(block + 208) * (float) scale;
        const float centre = unit != 0 || q_factors[s] != 0 ? 32 : 0; // ggml writes 0 for a block of nothing
        for (int l = 0; l < 16; l += VF_LANES) {
            const vf v = load(x + s * 16 + l);
            const vf q = unit != 0 ? div(v, all(unit)) : exact_mul(all(q_factors[s]), v);
            store_whole_bytes(values + s * 16 + l, add(clamp(round(q), -32, 31), all(centre)));
        }
    }
    for (int half = 0; half < 2; ++half) {
        const uint8_t * v    = values + half * 128;
        uint8_t *       low  = block + half * 64;
        uint8_t *       high = block + 128 + half * 32;
        for (int l = 0; l < 32; ++l) {
            low[l]      = (uint8_t) ((v[l] & 15) | (v[l + 64] & 15) << 4);
            low[l + 32] = (uint8_t) ((v[l + 32] & 15) | (v[l + 96] & 15) << 4);
            high[l]     = (uint8_t) (v[l] >> 4 | (v[l + 32] >> 4) << 2 | (v[l + 64] >> 4) << 4 | (v[l + 96] >> 4) << 6);
        }
    }
}

static void float_to_q6_k(const float * src, void * dst, int64_t n) {
    uint8_t *         block = (uint8_t *) dst;
    alignas(64) float scales[16], q_factors[16];
    for (; n > 0; n -= SUPERBLOCK, src += SUPERBLOCK, block += 210) {
        for (int s = 0; s < 16; s += VF_LANES) {
            search_signed(src + s * 16, scales + s, q_factors + s);
        }
        write_signed_block(src, scales, q_factors, block);
    }
}

#endif

} // namespace forja::cpu::FORJA_ISA
