// exp, exp2, sigmoid and tanh on vectors. Included after simd.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

struct exp_parts {
    vf n; // whole: exp(x) = 2^n * (1 + m)
    vf m; // exp(x - n ln 2) - 1, in about [-0.293, 0.415]
};

constexpr float LOG2_E = 1.44269504f;
constexpr float LN_2   = 0.693147181f;

/// (exp(r) - 1 - r) / r^2 on |r| <= ln(2) / 2: minimax fit, relative error of exp 3e-9 before rounding.
FORJA_INLINE vf expm1_tail(vf r) {
    vf q = fma(all(0.00138145406f), r, all(0.00836874545f));
    q    = fma(q, r, all(0.041668389f));
    q    = fma(q, r, all(0.166665211f));
    return fma(q, r, all(0.49999994f));
}

/// What exp and tanh share. x in [-104, 104].
FORJA_INLINE exp_parts exp_reduce(vf x) {
    const vf n = round(mul(x, all(LOG2_E)));
    // ln 2 in two parts: n * the first is exact
    const vf r = fma(n, all(-1.42860677e-6f), fma(n, all(-0.693145752f), x));
    return {n, fma(mul(r, r), expm1_tail(r), r)};
}

/// exp(x), relative error below 2e-7; 0 to a denormal for x below -87, at most exp(88) above; NaN stays NaN.
FORJA_INLINE vf exp(vf x) {
    const exp_parts e = exp_reduce(vmaxf(all(-104.0f), vminf(all(88.0f), x)));
    return scale2(add(e.m, all(1.0f)), e.n);
}

/// 2^x, relative error below 2e-7; 0 far below, NaN stays NaN; x below 120. For sums of exponentials whose factor
/// log2(e) has been put into x already.
FORJA_INLINE vf exp2(vf x) {
#if defined(FORJA_SIMD_AVX512)
    // Minimax fit of 2^r on [0, 1), 7e-8; the instruction that scales rounds its exponent down by itself.
    const vf r = _mm512_reduce_ps(x, 1);
    vf       p = fma(all(0.00187757669f), r, all(0.00898933969f));
    p          = fma(p, r, all(0.0558263175f));
    p          = fma(p, r, all(0.240153611f));
    p          = fma(p, r, all(0.693153083f));
    p          = fma(p, r, all(0.99999994f));
    return _mm512_scalef_ps(p, x);
#else
    const vf limited = vmaxf(all(-150.0f), x);
    const vf n       = round(limited);
    const vf r       = mul(sub(limited, n), all(LN_2));
    return scale2(fma(mul(r, r), expm1_tail(r), add(r, all(1.0f))), n);
#endif
}

/// 1 / (1 + exp(-x))
FORJA_INLINE vf sigmoid(vf x) { return div(all(1.0f), add(all(1.0f), exp(sub(zero(), x)))); }

/// tanh(x), relative error below 1e-6 everywhere, small x included: by exp(2x) - 1 and not by exp(2x).
FORJA_INLINE vf tanh(vf x) {
    const vf        limited = vmaxf(all(-10.0f), vminf(all(10.0f), x));
    const exp_parts e       = exp_reduce(add(limited, limited));
    const vf        power   = scale2(all(1.0f), e.n);
    const vf        expm1   = fma(power, e.m, sub(power, all(1.0f)));
    return div(expm1, add(expm1, all(2.0f)));
}

} // namespace forja::cpu::FORJA_ISA
