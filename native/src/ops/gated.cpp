// The gated feed-forward activation and its derivatives.
#include <cmath>

#include "ops/cpu-ops.hpp"
#include "ops/ops.hpp"

namespace forja {

namespace {

// d silu(g) / dg = s + g * s * (1 - s), s = sigmoid(g).
ggml_tensor * silu_derivative(ggml_context * ctx, ggml_tensor * g) {
    ggml_tensor * s = ggml_sigmoid(ctx, g);
    return ggml_add(ctx, s, ggml_mul(ctx, ggml_mul(ctx, g, s), ggml_scale_bias(ctx, s, -1.0f, 1.0f)));
}

constexpr float gelu_c = 0.79788456080286535588f; // sqrt(2 / pi)
constexpr float gelu_a = 0.044715f;

// tanh(c (g + a g^3)), the core of GELU's tanh form. Source: Hendrycks and Gimpel 2016, section 2.
ggml_tensor * gelu_core(ggml_context * ctx, ggml_tensor * g) {
    ggml_tensor * inner = ggml_mul(ctx, g, ggml_scale_bias(ctx, ggml_sqr(ctx, g), gelu_c * gelu_a, gelu_c));
    return ggml_tanh(ctx, inner);
}

// 0.5 (1 + t) + 0.5 g (1 - t^2) c (1 + 3 a g^2), t = gelu_core(g).
ggml_tensor * gelu_derivative(ggml_context * ctx, ggml_tensor * g) {
    ggml_tensor * t     = gelu_core(ctx, g);
    ggml_tensor * sech2 = ggml_scale_bias(ctx, ggml_sqr(ctx, t), -0.5f, 0.5f);
    ggml_tensor * slope = ggml_mul(ctx, g, ggml_scale_bias(ctx, ggml_sqr(ctx, g), 3.0f * gelu_c * gelu_a, gelu_c));
    return ggml_add(ctx, ggml_scale_bias(ctx, t, 0.5f, 0.5f), ggml_mul(ctx, sech2, slope));
}

// Not ggml_gelu: it looks values up in an F16 table on the CPU and differs between backends.
ggml_tensor * activate(ggml_context * ctx, ggml_tensor * g, activation act) {
    if (act == activation::silu) {
        return ggml_silu(ctx, g);
    }
    return ggml_mul(ctx, g, ggml_scale_bias(ctx, gelu_core(ctx, g), 0.5f, 0.5f));
}

} // namespace

var gated(tape & t, var gate, var up, activation act, const std::array<float, 4> & constants) {
    ggml_context * ctx = t.ctx();
    switch (act) { // units without kernels: out of their parts
        case activation::relu: return multiply(t, unary(t, gate, unary_function::relu), up);
        case activation::gelu_erf: return multiply(t, unary(t, gate, unary_function::gelu_erf), up);
        case activation::gelu_quick: return multiply(t, unary(t, gate, unary_function::gelu_quick), up);
        case activation::silu_oai: {
            const float alpha = constants[0], limit = constants[1];
            var         x     = clamp(t, gate, -INFINITY, limit);
            var         y     = multiply(t, x, unary(t, scale(t, x, alpha), unary_function::sigmoid));
            return multiply(t, y, scale(t, clamp(t, up, -limit, limit), 1.0f, 1.0f));
        }
        default: break;
    }
    if (t.g.on_cpu()) {
        var y = t.make(cpu_gated(t.g, gate->value, up->value, act), gate->requires_grad || up->requires_grad);
        t.push([&t, gate, up, y, act] {
            if (y->grad) {
                auto [d_gate, d_up] = cpu_gated_backward(t.g, gate->value, up->value, y->grad, act);
                t.accumulate(gate, d_gate);
                t.accumulate(up, d_up);
            }
        });
        return y;
    }
    // SiLU in ggml's fused kernels, forward and back: half the memory traffic of their parts, of the largest values there are. Not its
    // GELU: that looks values up in an F16 table on the CPU and differs between backends.
    if (act == activation::silu) {
        ggml_tensor * fused = ggml_swiglu_split(ctx, gate->value, up->value);
        ggml_tensor * back  = ggml_silu_back(ctx, fused, gate->value);
        if (t.g.runner().dev().supports(fused) && t.g.runner().dev().supports(back)) {
            var y = t.make(fused, gate->requires_grad || up->requires_grad);
            t.push([&t, gate, up, y, ctx] {
                if (y->grad) {
                    t.accumulate(gate, ggml_silu_back(ctx, ggml_mul(ctx, y->grad, up->value), gate->value));
                    t.accumulate(up, ggml_swiglu_split(ctx, gate->value, y->grad)); // silu(gate) dy
                }
            });
            return y;
        }
    }
    ggml_tensor * activated = activate(ctx, gate->value, act);
    var           y = t.make(ggml_mul(ctx, activated, up->value), gate->requires_grad || up->requires_grad);
    t.push([&t, gate, up, y, act, activated, ctx] {
        if (y->grad) {
            ggml_tensor * slope = act == activation::silu ? silu_derivative(ctx, gate->value) : gelu_derivative(ctx, gate->value);
            t.accumulate(gate, ggml_mul(ctx, ggml_mul(ctx, y->grad, up->value), slope));
            t.accumulate(up, ggml_mul(ctx, y->grad, activated));
        }
    });
    return y;
}

} // namespace forja
