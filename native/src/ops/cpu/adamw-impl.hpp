// The optimiser's step, for one instruction set. Included after simd.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

static void adamw(float * values, const float * grads, float * moment1, float * moment2, int64_t n, const adamw_factors & f,
                  int ith, int nth) {
    const vf      keep1 = all(f.beta1), take1 = all(1.0f - f.beta1), keep2 = all(f.beta2), take2 = all(1.0f - f.beta2);
    const vf      correct1 = all(f.learning_rate * f.correction1), correct2 = all(f.correction2);
    const vf      epsilon = all(f.epsilon), keep = all(1.0f - f.learning_rate * f.weight_decay), clip = all(f.clip);
    const int64_t units = (n + PAD_FLOATS - 1) / PAD_FLOATS;
    const int64_t end   = min_of(n, units * (ith + 1) / nth * PAD_FLOATS);
    for (int64_t i = units * ith / nth * PAD_FLOATS; i < end; i += VF_LANES) {
        const int64_t left = n - i;
        const vf      g    = mul(load_first(grads + i, left), clip);
        const vf      m    = fma(g, take1, mul(load_first(moment1 + i, left), keep1));
        const vf      v    = fma(mul(g, g), take2, mul(load_first(moment2 + i, left), keep2));
        const vf      step = div(mul(m, correct1), add(root(mul(v, correct2)), epsilon));
        store_first(moment1 + i, m, left);
        store_first(moment2 + i, v, left);
        store_first(values + i, sub(mul(load_first(values + i, left), keep), step), left);
    }
}

} // namespace forja::cpu::FORJA_ISA
