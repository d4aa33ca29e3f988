// RMS norm with weight. Source: Zhang and Sennrich 2019, eq. 4.
#include "ops/cpu-ops.hpp"
#include "ops/ops.hpp"

namespace forja {

// dx = r * (g - xhat * mean(g * xhat)) with g = dy * w, xhat = x * r, r = 1 / rms(x): in one kernel where the device has it, else out of
// operations every backend has. w may be null.
static ggml_tensor * rms_norm_backward(graph & graph, ggml_tensor * x, ggml_tensor * w, ggml_tensor * dy, float eps) {
    ggml_context * ctx = graph.ctx();
    const float    n   = (float) x->ne[0];
    ggml_tensor *  g   = w ? ggml_mul(ctx, dy, w) : dy;
    if (!graph.on_cpu() && ggml_is_contiguous(x) && ggml_is_contiguous(g)) {
        ggml_tensor * fused = ggml_rms_norm_back(ctx, g, x, eps);
        if (graph.runner().dev().supports(fused)) {
            return fused;
        }
    }
    ggml_tensor * xhat = ggml_rms_norm(ctx, x, eps);
    ggml_tensor * dot  = ggml_scale(ctx, ggml_sum_rows(ctx, ggml_mul(ctx, g, xhat)), 1.0f / n);    // [1, ...]
    ggml_tensor * ms   = ggml_scale_bias(ctx, ggml_sum_rows(ctx, ggml_sqr(ctx, x)), 1.0f / n, eps); // [1, ...]
    ggml_tensor * inner = ggml_sub(ctx, g, ggml_mul(ctx, xhat, dot));
    return ggml_div(ctx, inner, ggml_sqrt(ctx, ms));
}

var rms_norm(tape & t, var x, ggml_tensor * w, float eps) {
    ggml_context * ctx = t.ctx();
    const bool     cpu = t.g.on_cpu() && w;
    ggml_tensor *  value = cpu ? cpu_rms_norm(t.g, x->value, w, eps) : ggml_rms_norm(ctx, x->value, eps);
    if (!cpu && w) {
        value = ggml_mul(ctx, value, w);
    }
    var y = t.make(value, x->requires_grad);
    t.push([&t, x, w, eps, y, ctx, cpu] {
        if (y->grad && x->requires_grad) {
            t.accumulate(x, cpu ? cpu_rms_norm_backward(t.g, x->value, w, y->grad, eps)
                                : rms_norm_backward(t.g, x->value, w, y->grad, eps));
        }
    });
    return y;
}

} // namespace forja
