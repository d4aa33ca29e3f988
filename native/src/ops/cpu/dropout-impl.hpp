// Dropout, for one instruction set. Included after simd-int.hpp. The scalar version is in reference.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

// An element's 24 random bits: its place, spread out and moved by one half of its token's key, through two rounds of shift and
// multiply with the key's other half between them. Source: the constants of Wellons' "lowbias32" (2018).
constexpr uint32_t DROPOUT_STEP = 0x9e3779b9u, DROPOUT_MUL_1 = 0x7feb352du, DROPOUT_MUL_2 = 0x846ca68bu;

FORJA_INLINE vu dropout_bits(vu place, vu other_half) {
    vu x = mul_u(xor_u(place, shift_right<16>(place)), all_u(DROPOUT_MUL_1));
    x    = xor_u(xor_u(x, shift_right<15>(x)), other_half);
    x    = mul_u(x, all_u(DROPOUT_MUL_2));
    return shift_right<8>(xor_u(x, shift_right<16>(x)));
}

template <bool ACCUMULATE>
FORJA_INLINE void dropout_rows(const dropout & d, float * out, const float * x, int64_t n, int64_t begin, int64_t end) {
    const vu n_dropped = all_u(d.n_dropped);
    const vf factor    = all(d.factor);
    for (int64_t t = begin; t < end; ++t) {
        const uint64_t key   = mix64(d.key ^ d.token[t]);
        const vu       other = all_u((uint32_t) (key >> 32));
        vu             place = rising((uint32_t) key, DROPOUT_STEP);
        float * const  dst   = out + t * n;
        for (int64_t i = 0; i < n; i += VF_LANES) {
            const int64_t left  = n - i;
            const vf      value = x ? mul(load_first(x + t * n + i, left), factor) : factor;
            const vf      kept  = select(below(dropout_bits(place, other), n_dropped), zero(), value);
            store_first(dst + i, ACCUMULATE ? add(load_first(dst + i, left), kept) : kept, left);
            place = add_u(place, all_u(DROPOUT_STEP * (uint32_t) VF_LANES));
        }
    }
}

static void dropout_apply(const dropout & d, float * out, const float * x, int64_t n, int64_t n_tokens, bool accumulate,
                          int ith, int nth) {
    const int64_t begin = n_tokens * ith / nth, end = n_tokens * (ith + 1) / nth;
    if (accumulate) {
        dropout_rows<true>(d, out, x, n, begin, end);
    } else {
        dropout_rows<false>(d, out, x, n, begin, end);
    }
}

} // namespace forja::cpu::FORJA_ISA
