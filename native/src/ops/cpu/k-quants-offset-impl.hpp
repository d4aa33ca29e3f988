// Floats to Q4_K and Q5_K, x = scale * q - offset, as k-quants-impl.hpp says; included after it.
#pragma once

namespace forja::cpu::FORJA_ISA {

#if defined(FORJA_SIMD_AVX512) || defined(FORJA_SIMD_AVX2)

/// What the search tries for the largest of the values, made by the compiler so that it is rounded as ggml's is.
constexpr factors offset_factors(float first, float step, int n_max) {
    factors f{};
    for (int i = 0; i < 21; ++i) {
        const float moved = step * (float) i;
        f.of[i]           = first + moved + (float) n_max;
    }
    return f;
}

template <bool FIFTH> struct offset_search {
    static constexpr int     n_max   = FIFTH ? 31 : 15;
    static constexpr int     n_steps = FIFTH ? 16 : 21;
    static constexpr factors tried   = offset_factors(FIFTH ? -0.5f : -1.0f, 0.1f, n_max);
};

/// The q of v.
FORJA_INLINE vf level(vf v, vf factor, vf base, float n_max) {
    return clamp(round(exact_mul(factor, sub(v, base))), 0, n_max);
}

/// The scale and offset of VF_LANES small blocks of 32 each, and the factor and base that give the q of the search:
/// q = round(factor * (x - base)). Weighted least squares, with weights of |x| + the root mean square.
template <bool FIFTH>
FORJA_INLINE void search_offset(const float * x, float * scales, float * offsets, float * q_factors, float * q_bases) {
    using search = offset_search<FIFTH>;
    alignas(64) float t[32 * VF_LANES], weights[32 * VF_LANES], levels[32 * VF_LANES];
    across<32>(x, t);
    vf squares = zero(), low = load(t), high = low;
    for (int l = 0; l < 32; ++l) {
        const vf v = load(t + l * VF_LANES);
        squares    = add(squares, exact_mul(v, v));
        low        = vminf(v, low);
        high       = vmaxf(v, high);
    }
    const vf size = square_root(mul(squares, all(1.0f / 32)));
    vf       sum_w = zero(), sum_x = zero();
    for (int l = 0; l < 32; ++l) {
        const vf v = load(t + l * VF_LANES), w = add(size, magnitude(v));
        store(weights + l * VF_LANES, w);
        sum_w = add(sum_w, w);
        sum_x = add(sum_x, exact_mul(w, v));
    }
    low                = vminf(low, zero());
    const vm is_spread = less(low, high);
    vf base = low, factor = div(all((float) search::n_max), sub(high, low)), scale = div(all(1), factor), best = zero();
    vf q_factor = factor, q_base = base;
    for (int l = 0; l < 32; ++l) {
        const vf v    = load(t + l * VF_LANES);
        const vf diff = sub(add(exact_mul(scale, level(v, factor, base, search::n_max)), base), v);
        best          = add(best, exact_mul(load(weights + l * VF_LANES), exact_mul(diff, diff)));
    }
    for (int step = 0; step < search::n_steps; ++step) {
        factor = div(all(search::tried.of[step]), sub(high, base));
        vf sum_q = zero(), sum_q2 = zero(), sum_xq = zero();
        for (int l = 0; l < 32; ++l) {
            const vf v = load(t + l * VF_LANES), q = level(v, factor, base, search::n_max);
            const vf wq = exact_mul(load(weights + l * VF_LANES), q);
            store(levels + l * VF_LANES, q);
            sum_q  = add(sum_q, wq);
            sum_q2 = add(sum_q2, exact_mul(wq, q));
            sum_xq = add(sum_xq, exact_mul(wq, v));
        }
        const vf   d         = sub(exact_mul(sum_w, sum_q2), exact_mul(sum_q, sum_q));
        const vf   base_here = div(sub(exact_mul(sum_q2, sum_x), exact_mul(sum_q, sum_xq)), d);
        const vm   is_above  = less(zero(), base_here);
        const vf   new_base  = select(is_above, zero(), base_here);
        const vf   new_scale = select(is_above, div(sum_xq, sum_q2),
                                      div(sub(exact_mul(sum_w, sum_xq), exact_mul(sum_x, sum_q)), d));
        vf         error     = zero();
        for (int l = 0; l < 32; ++l) {
            const vf diff = sub(add(exact_mul(new_scale, load(levels + l * VF_LANES)), new_base), load(t + l * VF_LANES));
            error         = add(error, exact_mul(load(weights + l * VF_LANES), exact_mul(diff, diff)));
        }
        const vm better = both(less(zero(), d), less(error, best));
        q_factor        = select(better, factor, q_factor);
        q_base          = select(better, base, q_base);
        best            = select(better, error, best);
        scale           = select(better, new_scale, scale);
        base            = select(better, new_base, base);
    }
    store(scales, select(is_spread, scale, zero()));
    store(offsets, sub(zero(), select(is_spread, base, low)));
    store(q_factors, select(is_spread, q_factor, zero()));
    store(q_bases, select(is_spread, q_base, low));
}

/// A superblock from what the search found: d and the offsets' d as halves, eight pairs of six bits, the fifth bits if
/// there are any, and four bits a value, those of values i and i + 32 in one byte.
template <bool FIFTH>
FORJA_INLINE void write_offset_block(const float * x, const float * scales, const float * offsets, const float * q_factors,
                                     const float * q_bases, uint8_t * block) {
    constexpr float n_max = offset_search<FIFTH>::n_max;
    float           top_scale = 0, top_offset = 0;
    for (int s = 0; s < 8; ++s) {
        top_scale  = max_of(top_scale, scales[s]);
        top_offset = max_of(top_offset, offsets[s]);
    }
    const float    to_scale = top_scale > 0 ? 63.0f / top_scale : 0.0f, to_offset = top_offset > 0 ? 63.0f / top_offset : 0.0f;
    const uint16_t d[2] = {half_of(top_scale / 63.0f), half_of(top_offset / 63.0f)};
    memcpy(block, d, 4);
    uint8_t * six = block + 4;
    uint8_t   values[SUPERBLOCK];
    for (int s = 0; s < 8; ++s) {
        const uint8_t scale = (uint8_t) min_of<int>(63, (uint8_t) nearest(to_scale * scales[s]));
        const uint8_t offset = (uint8_t) min_of<int>(63, (uint8_t) nearest(to_offset * offsets[s]));
        if (s < 4) {
            six[s]     = scale;
            six[s + 4] = offset;
        } else {
            six[s + 4] = (uint8_t) ((scale & 15) | (offset & 15) << 4);
            six[s - 4] = (uint8_t) (six[s - 4] | (scale >> 4) << 6);
            six[s]     = (uint8_t) (six[s] | (offset >> 4) << 6);
        }
        const float unit = half_at(block) * (float) scale, shift = half_at(block + 2) * (float) offset;
        for (int l = 0; l < 32; l += VF_LANES) {
            const vf v = load(x + s * 32 + l);
            const vf q = unit != 0 ? div(add(v, all(shift)), all(unit)) : exact_mul(all(q_factors[s]), sub(v, all(q_bases[s])));
            store_whole_bytes(values + s * 32 + l, clamp(round(q), 0, n_max));
        }
    }
    uint8_t * high = block + 16;
    uint8_t * low  = high + (FIFTH ? 32 : 0);
    if (FIFTH) {
        for (int l = 0; l < 32; ++l) {
            uint8_t bits = 0;
            for (int s = 0; s < 8; ++s) {
                bits = (uint8_t) (bits | (values[s * 32 + l] >> 4) << s);
            }
            high[l] = bits;
        }
    }
    for (int s = 0; s < 8; s += 2, low += 32) {
        for (int l = 0; l < 32; ++l) {
            low[l] = (uint8_t) ((values[s * 32 + l] & 15) | (values[s * 32 + 32 + l] & 15) << 4);
        }
    }
}

template <bool FIFTH> static void float_to_q45_k(const float * src, void * dst, int64_t n) {
    constexpr int     BLOCK    = 4 + 12 + (FIFTH ? 32 : 0) + 128;
    constexpr int     TOGETHER = VF_LANES * 32; // one superblock, or two
    uint8_t *         block    = (uint8_t *) dst;
    alignas(64) float scales[VF_LANES], offsets[VF_LANES], q_factors[VF_LANES], q_bases[VF_LANES], rest[TOGETHER];
    for (; n > 0; n -= TOGETHER, src += TOGETHER) {
        const float * x = src;
        if (n < TOGETHER) { // the second is missing
            memset(rest, 0, sizeof(rest));
            memcpy(rest, src, (size_t) n * sizeof(float));
            x = rest;
        }
        search_offset<FIFTH>(x, scales, offsets, q_factors, q_bases);
        for (int64_t at = 0; at < min_of<int64_t>(n, TOGETHER); at += SUPERBLOCK, block += BLOCK) {
            const int64_t s = at / 32;
            write_offset_block<FIFTH>(src + at, scales + s, offsets + s, q_factors + s, q_bases + s, block);
        }
    }
}

#endif

} // namespace forja::cpu::FORJA_ISA
