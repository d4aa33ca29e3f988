// Operations on single values and on parts of rows: what llama.cpp's graphs need beside the coarse operations. Forward and backward out
// of operations that every backend has.
#include <cmath>
#include <cstring>

#include "ops/ops.hpp"

namespace forja {

namespace {

ggml_tensor * contiguous(ggml_context * ctx, ggml_tensor * t) { return ggml_is_contiguous(t) ? t : ggml_cont(ctx, t); }

// y = f(x) with dx = backward(dy).
template <typename F> var pointwise(tape & t, var x, ggml_tensor * value, F backward) {
    var y = t.make(value, x->requires_grad);
    t.push([&t, x, y, backward] {
        if (y->grad && x->requires_grad) {
            t.accumulate(x, backward(contiguous(t.ctx(), y->grad), y->value));
        }
    });
    return y;
}

constexpr float gelu_c = 0.79788456080286535588f; // sqrt(2 / pi)
constexpr float gelu_a = 0.044715f;

// tanh(c (x + a x^3)). Source: Hendrycks and Gimpel 2016, section 2.
ggml_tensor * gelu_core(ggml_context * ctx, ggml_tensor * x) {
    return ggml_tanh(ctx, ggml_mul(ctx, x, ggml_scale_bias(ctx, ggml_sqr(ctx, x), gelu_c * gelu_a, gelu_c)));
}

// s + x s (1 - s) k with s = sigmoid(k x): the slope of x sigmoid(k x).
ggml_tensor * swish_slope(ggml_context * ctx, ggml_tensor * x, float k) {
    ggml_tensor * s = ggml_sigmoid(ctx, k == 1.0f ? x : ggml_scale(ctx, x, k));
    ggml_tensor * r = ggml_mul(ctx, ggml_mul(ctx, x, s), ggml_scale_bias(ctx, s, -k, k));
    return ggml_add(ctx, s, r);
}

} // namespace

var unary(tape & t, var x, unary_function f, const std::array<float, 4> & k) {
    ggml_context * ctx = t.ctx();
    ggml_tensor *  v   = x->value;
    switch (f) {
        case unary_function::silu:
            return pointwise(t, x, ggml_silu(ctx, v), [=](ggml_tensor * dy, ggml_tensor *) { return ggml_mul(ctx, dy, swish_slope(ctx, v, 1.0f)); });
        case unary_function::gelu_quick:
            return pointwise(t, x, ggml_mul(ctx, v, ggml_sigmoid(ctx, ggml_scale(ctx, v, 1.702f))),
                             [=](ggml_tensor * dy, ggml_tensor *) { return ggml_mul(ctx, dy, swish_slope(ctx, v, 1.702f)); });
        case unary_function::gelu_tanh: // not ggml_gelu: on the CPU it is a table over F16 inputs
            return pointwise(t, x, ggml_mul(ctx, v, ggml_scale_bias(ctx, gelu_core(ctx, v), 0.5f, 0.5f)), [=](ggml_tensor * dy, ggml_tensor *) {
                // 0.5 (1 + h) + 0.5 x (1 - h^2) c (1 + 3 a x^2), h = gelu_core(x)
                ggml_tensor * h     = gelu_core(ctx, v);
                ggml_tensor * inner = ggml_mul(ctx, v, ggml_scale_bias(ctx, ggml_sqr(ctx, v), 3.0f * gelu_c * gelu_a, gelu_c));
                ggml_tensor * slope = ggml_add(ctx, ggml_scale_bias(ctx, h, 0.5f, 0.5f), ggml_mul(ctx, ggml_scale_bias(ctx, ggml_sqr(ctx, h), -0.5f, 0.5f), inner));
                return ggml_mul(ctx, dy, slope);
            });
        case unary_function::gelu_erf: // x P(x), P the normal distribution's sum; slope P(x) + x p(x)
            return pointwise(t, x, ggml_gelu_erf(ctx, v), [=](ggml_tensor * dy, ggml_tensor *) {
                // P(x) = gelu_erf(u) / u for u beside x that is never 0: ggml has no erf of its own.
                ggml_tensor * u       = ggml_add(ctx, v, ggml_scale_bias(ctx, ggml_step(ctx, v), 2e-12f, -1e-12f));
                ggml_tensor * density = ggml_scale(ctx, ggml_exp(ctx, ggml_scale(ctx, ggml_sqr(ctx, v), -0.5f)), 0.3989422804014327f);
                return ggml_mul(ctx, dy, ggml_add(ctx, ggml_div(ctx, ggml_gelu_erf(ctx, u), u), ggml_mul(ctx, v, density)));
            });
        case unary_function::relu:
            return pointwise(t, x, ggml_relu(ctx, v), [=](ggml_tensor * dy, ggml_tensor *) { return ggml_mul(ctx, dy, ggml_step(ctx, v)); });
        case unary_function::sigmoid:
            return pointwise(t, x, ggml_sigmoid(ctx, v), [=](ggml_tensor * dy, ggml_tensor * y) {
                return ggml_mul(ctx, dy, ggml_mul(ctx, y, ggml_scale_bias(ctx, y, -1.0f, 1.0f)));
            });
        case unary_function::tanh:
            return pointwise(t, x, ggml_tanh(ctx, v), [=](ggml_tensor * dy, ggml_tensor * y) {
                return ggml_mul(ctx, dy, ggml_scale_bias(ctx, ggml_sqr(ctx, y), -1.0f, 1.0f));
            });
        case unary_function::sqr:
            return pointwise(t, x, ggml_sqr(ctx, v), [=](ggml_tensor * dy, ggml_tensor *) { return ggml_scale(ctx, ggml_mul(ctx, dy, v), 2.0f); });
        case unary_function::softplus:
            return pointwise(t, x, ggml_softplus(ctx, v), [=](ggml_tensor * dy, ggml_tensor *) { return ggml_mul(ctx, dy, ggml_sigmoid(ctx, v)); });
        case unary_function::xielu: {
            // x > 0: a_p x^2 + b x; else a_n (exp(min(x, eps)) - 1) - a_n x + b x. Source: Huang and Schlag 2025, eq. 5.
            const float   a_n = k[0], a_p = k[1], b = k[2], eps = k[3];
            ggml_tensor * value = ggml_xielu(ctx, v, 0.0f, 0.0f, b, eps);
            std::memcpy(&value->op_params[1], k.data(), sizeof(k)); // ggml_xielu() takes what a_n and a_p are made from
            return pointwise(t, x, value, [=](ggml_tensor * dy, ggml_tensor *) {
                ggml_tensor * positive = ggml_step(ctx, v);
                ggml_tensor * negative = ggml_scale_bias(ctx, positive, -1.0f, 1.0f);
                ggml_tensor * up       = ggml_mul(ctx, positive, ggml_scale_bias(ctx, v, 2.0f * a_p, b));
                ggml_tensor * low      = ggml_clamp(ctx, ggml_dup(ctx, v), -INFINITY, eps);
                ggml_tensor * down     = ggml_mul(ctx, negative, ggml_scale_bias(ctx, ggml_exp(ctx, low), a_n, b - a_n));
                return ggml_mul(ctx, dy, ggml_add(ctx, up, down));
            });
        }
    }
    return x;
}

var multiply(tape & t, var a, var b) {
    ggml_context * ctx = t.ctx();
    var            y   = t.make(ggml_mul(ctx, a->value, b->value), a->requires_grad || b->requires_grad);
    t.push([&t, a, b, y, ctx] {
        if (y->grad) {
            ggml_tensor * dy = contiguous(ctx, y->grad);
            if (a->requires_grad) {
                t.accumulate(a, ggml_mul(ctx, dy, b->value));
            }
            if (b->requires_grad) {
                ggml_tensor * db = ggml_mul(ctx, dy, a->value);
                t.accumulate(b, b->value->ne[0] == db->ne[0] ? db : ggml_sum_rows(ctx, db));
            }
        }
    });
    return y;
}

var add_weight(tape & t, var x, ggml_tensor * w) {
    return pointwise(t, x, ggml_add(t.ctx(), x->value, w), [](ggml_tensor * dy, ggml_tensor *) { return dy; });
}

var multiply_weight(tape & t, var x, ggml_tensor * w) {
    ggml_context * ctx = t.ctx();
    return pointwise(t, x, ggml_mul(ctx, x->value, w), [=](ggml_tensor * dy, ggml_tensor *) { return ggml_mul(ctx, dy, w); });
}

var scale(tape & t, var x, float factor, float bias) {
    ggml_context * ctx = t.ctx();
    return pointwise(t, x, ggml_scale_bias(ctx, x->value, factor, bias), [=](ggml_tensor * dy, ggml_tensor *) { return ggml_scale(ctx, dy, factor); });
}

var clamp(tape & t, var x, float least, float most) {
    ggml_context * ctx = t.ctx();
    ggml_tensor *  v   = x->value;
    return pointwise(t, x, ggml_clamp(ctx, ggml_dup(ctx, v), least, most), [=](ggml_tensor * dy, ggml_tensor *) {
        ggml_tensor * inside = ggml_mul(ctx, ggml_step(ctx, ggml_scale_bias(ctx, v, 1.0f, -least)), ggml_step(ctx, ggml_scale_bias(ctx, v, -1.0f, most)));
        return ggml_mul(ctx, dy, inside);
    });
}

var slice(tape & t, var x, int64_t ne0, int64_t ne1, int64_t ne2, int64_t stride1, int64_t stride2, int64_t offset) {
    ggml_context * ctx = t.ctx();
    const size_t   nb1 = stride1 * sizeof(float), nb2 = (stride2 > 0 ? stride2 : stride1 * ne1) * sizeof(float), at = offset * sizeof(float);
    return pointwise(t, x, ggml_cont(ctx, ggml_view_3d(ctx, x->value, ne0, ne1, ne2, nb1, nb2, at)), [=](ggml_tensor * dy, ggml_tensor *) {
        ggml_tensor * zeros = ggml_scale(ctx, x->value, 0.0f);
        return ggml_acc(ctx, zeros, dy, nb1, nb2, nb2 * ne2, at);
    });
}

// dx = r (g - mean(g) - xhat mean(g xhat)) with g = dy w, xhat = (x - mean(x)) r, r = 1 / sd(x). Source: Ba et al. 2016, eq. 4.
var layer_norm(tape & t, var x, ggml_tensor * w, ggml_tensor * b, float eps) {
    ggml_context * ctx   = t.ctx();
    ggml_tensor *  v     = x->value;
    ggml_tensor *  xhat  = ggml_norm(ctx, v, eps);
    ggml_tensor *  value = w ? ggml_mul(ctx, xhat, w) : xhat;
    if (b) {
        value = ggml_add(ctx, value, b);
    }
    return pointwise(t, x, value, [=](ggml_tensor * dy, ggml_tensor *) {
        const float   one_n  = 1.0f / (float) v->ne[0];
        auto          mean   = [&](ggml_tensor * a) { return ggml_scale(ctx, ggml_sum_rows(ctx, a), one_n); };
        ggml_tensor * g      = w ? ggml_mul(ctx, dy, w) : dy;
        ggml_tensor * away   = ggml_sub(ctx, v, mean(v));
        ggml_tensor * sd     = ggml_sqrt(ctx, ggml_scale_bias(ctx, ggml_sum_rows(ctx, ggml_sqr(ctx, away)), one_n, eps));
        ggml_tensor * middle = ggml_sub(ctx, ggml_sub(ctx, g, mean(g)), ggml_mul(ctx, xhat, mean(ggml_mul(ctx, g, xhat))));
        return ggml_div(ctx, middle, sd);
    });
}

} // namespace forja
