// Convolutions of each channel over its last few tokens, which never reach into another row: fused on the CPU, on devices sums of shifted
// tokens.
#include <algorithm>
#include <cmath>

#include "ops/cpu-recurrent.hpp"
#include "ops/ops.hpp"

namespace forja {

namespace {

// x [n, T] with a row of zeros behind it, for tokens that a row doesn't have.
ggml_tensor * with_nothing(tape & t, ggml_tensor * x) {
    ggml_tensor * nothing = t.g.input(GGML_TYPE_F32, {x->ne[0], 1}, [n = x->ne[0]](void * dst) { std::fill_n((float *) dst, n, 0.0f); });
    return ggml_concat(t.ctx(), ggml_is_contiguous(x) ? x : ggml_cont(t.ctx(), x), nothing, 1);
}

// The sum over `back` of taps[K - 1 - back] times x, so many tokens before (sign 1) or after (-1).
ggml_tensor * shifted_sum(tape & t, batch_inputs & in, ggml_tensor * x, ggml_tensor * taps, int sign) {
    ggml_context * ctx = t.ctx();
    const int64_t  n = taps->ne[0], K = taps->ne[1];
    ggml_tensor *  from = with_nothing(t, x), * sum = nullptr;
    for (int64_t back = 0; back < K; back++) {
        ggml_tensor * tap  = t.g.aligned(ggml_view_1d(ctx, taps, n, (K - 1 - back) * taps->nb[1]));
        ggml_tensor * part = ggml_mul(ctx, back == 0 ? x : ggml_get_rows(ctx, from, in.shifted(t.g, (int) (sign * back))), tap);
        sum                = sum ? ggml_add(ctx, sum, part) : part;
    }
    return sum;
}

} // namespace

var short_conv(tape & t, batch_inputs & in, var x, ggml_tensor * w, bool has_silu) {
    ggml_context * ctx  = t.ctx();
    ggml_tensor *  taps = ggml_cont(ctx, ggml_transpose(ctx, w)); // [n, K]
    ggml_tensor *  v    = ggml_is_contiguous(x->value) ? x->value : ggml_cont(ctx, x->value);
    if (t.g.on_cpu()) {
        var y = t.make(cpu_short_conv(t.g, in, v, taps, has_silu), x->requires_grad);
        t.push([&t, &in, x, y, v, taps, has_silu] {
            if (y->grad && x->requires_grad) {
                t.accumulate(x, cpu_short_conv_backward(t.g, in, v, taps, y->grad, has_silu), true);
            }
        });
        return y;
    }
    var z = t.make(shifted_sum(t, in, v, taps, 1), x->requires_grad);
    t.push([&t, &in, x, z, taps, ctx] {
        if (z->grad && x->requires_grad) {
            t.accumulate(x, shifted_sum(t, in, ggml_is_contiguous(z->grad) ? z->grad : ggml_cont(ctx, z->grad), taps, -1), true);
        }
    });
    return has_silu ? unary(t, z, unary_function::silu) : z;
}

// dx = (dy - y (y . dy)) / |x|, or dy / eps where |x| < eps, as ggml's L2 norm divides by no less.
var l2_norm(tape & t, var x, float eps) {
    ggml_context * ctx = t.ctx();
    ggml_tensor *  v   = ggml_is_contiguous(x->value) ? x->value : ggml_cont(ctx, x->value);
    const bool     own = t.g.on_cpu();
    var            y   = t.make(own ? cpu_l2_norm(t.g, v, eps) : ggml_l2_norm(ctx, v, eps), x->requires_grad);
    t.push([&t, x, y, v, eps, ctx, own] {
        if (!y->grad || !x->requires_grad) {
            return;
        }
        if (own) {
            t.accumulate(x, cpu_l2_norm_backward(t.g, v, y->grad, eps), true);
            return;
        }
        ggml_tensor * dy     = ggml_is_contiguous(y->grad) ? y->grad : ggml_cont(ctx, y->grad);
        ggml_tensor * length = ggml_sqrt(ctx, ggml_sum_rows(ctx, ggml_sqr(ctx, v)));
        ggml_tensor * turns  = ggml_step(ctx, ggml_scale_bias(ctx, length, 1.0f, -eps)); // 0 where the length is not divided by
        ggml_tensor * along  = ggml_mul(ctx, ggml_sum_rows(ctx, ggml_mul(ctx, dy, y->value)), turns);
        ggml_tensor * dx     = ggml_sub(ctx, dy, ggml_mul(ctx, y->value, along));
        t.accumulate(x, ggml_div(ctx, dx, ggml_clamp(ctx, ggml_dup(ctx, length), eps, INFINITY)), true);
    });
    return y;
}

} // namespace forja
