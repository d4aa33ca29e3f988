// Gated activations, for one instruction set. Included after vector-math.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

struct activation {
    vf value, slope;
};

FORJA_INLINE activation silu(vf g) {
    const vf s = sigmoid(g);
    const vf a = mul(g, s);
    return {a, fma(a, sub(all(1.0f), s), s)}; // s + g s (1 - s)
}

/// (1 + tanh(z)) / 2 = sigmoid(2z), so gelu(g) = g * sigmoid(2z) with z = sqrt(2/pi) (g + 0.044715 g^3): no
/// cancellation.
FORJA_INLINE activation gelu_tanh(vf g) {
    const float c  = 1.5957691216f; // 2 sqrt(2/pi)
    const vf    g2 = mul(g, g);
    const vf    s  = sigmoid(mul(mul(g, all(c)), fma(g2, all(0.044715f), all(1.0f))));
    const vf    a  = mul(g, s);
    const vf    dz = mul(all(c), fma(g2, all(3 * 0.044715f), all(1.0f)));
    return {a, fma(mul(a, sub(all(1.0f), s)), dz, s)}; // s + g s (1 - s) 2z'
}

template <glu_kind KIND> FORJA_INLINE activation activate(vf g) {
    if constexpr (KIND == glu_kind::silu) {
        return silu(g);
    } else {
        return gelu_tanh(g);
    }
}

template <glu_kind KIND>
FORJA_NOINLINE void glu_forward_row(const float * gate, const float * up, float * h, int64_t n) {
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        store(h + i, mul(activate<KIND>(load(gate + i)).value, load(up + i)));
    }
    if (i < n) {
        store_first(h + i, mul(activate<KIND>(load_first(gate + i, n - i)).value, load_first(up + i, n - i)), n - i);
    }
}

template <glu_kind KIND>
FORJA_NOINLINE void glu_backward_row(const float * gate, const float * up, const float * d_h, float * d_gate, float * d_up,
                                     int64_t n) {
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        const activation a  = activate<KIND>(load(gate + i));
        const vf         dh = load(d_h + i);
        const vf         dg = mul(mul(dh, load(up + i)), a.slope);
        store(d_gate + i, dg);
        store(d_up + i, mul(dh, a.value));
    }
    if (i < n) {
        const activation a  = activate<KIND>(load_first(gate + i, n - i));
        const vf         dh = load_first(d_h + i, n - i);
        const vf         dg = mul(mul(dh, load_first(up + i, n - i)), a.slope);
        store_first(d_gate + i, dg, n - i);
        store_first(d_up + i, mul(dh, a.value), n - i);
    }
}

static void glu_forward(glu_kind kind, const float * gate, const float * up, int64_t gate_up_stride, float * h,
                        int64_t n_ff, int64_t n_tokens, int ith, int nth) {
    for (int64_t t = n_tokens * ith / nth; t < n_tokens * (ith + 1) / nth; ++t) {
        const int64_t at = t * gate_up_stride;
        if (kind == glu_kind::silu) {
            glu_forward_row<glu_kind::silu>(gate + at, up + at, h + t * n_ff, n_ff);
        } else {
            glu_forward_row<glu_kind::gelu_tanh>(gate + at, up + at, h + t * n_ff, n_ff);
        }
    }
}

static void glu_backward(glu_kind kind, const float * gate, const float * up, int64_t gate_up_stride, const float * d_h,
                         float * d_gate, float * d_up, int64_t n_ff, int64_t n_tokens, int ith, int nth) {
    for (int64_t t = n_tokens * ith / nth; t < n_tokens * (ith + 1) / nth; ++t) {
        const int64_t at = t * gate_up_stride;
        if (kind == glu_kind::silu) {
            glu_backward_row<glu_kind::silu>(gate + at, up + at, d_h + t * n_ff, d_gate + at, d_up + at, n_ff);
        } else {
            glu_backward_row<glu_kind::gelu_tanh>(gate + at, up + at, d_h + t * n_ff, d_gate + at, d_up + at, n_ff);
        }
    }
}

} // namespace forja::cpu::FORJA_ISA
