// Residual sums, reshapes and cuts.
#include <algorithm>

#include "ops/cpu-ops.hpp"
#include "ops/ops.hpp"

namespace forja {

ggml_tensor * sum_of(graph & g, ggml_tensor * a, ggml_tensor * b) {
    const bool plain = ggml_is_contiguous(a) && ggml_is_contiguous(b);
    return g.on_cpu() && plain ? cpu_sum(g, a, b) : ggml_add(g.ctx(), a, b);
}

var add(tape & t, var a, var b) {
    var y = t.make(sum_of(t.g, a->value, b->value), a->requires_grad || b->requires_grad);
    t.push([&t, a, b, y] {
        if (y->grad) {
            t.accumulate(a, y->grad);
            t.accumulate(b, y->grad);
        }
    });
    return y;
}

namespace {
var reshaped(tape & t, var x, ggml_tensor * value) {
    var y = t.make(value, x->requires_grad);
    t.push([&t, x, y] {
        if (y->grad) {
            t.accumulate(x, ggml_reshape(t.ctx(), y->grad, x->value));
        }
    });
    return y;
}
} // namespace

var reshape_3d(tape & t, var x, int64_t ne0, int64_t ne1, int64_t ne2) {
    return reshaped(t, x, ggml_reshape_3d(t.ctx(), x->value, ne0, ne1, ne2));
}

var reshape_2d(tape & t, var x, int64_t ne0, int64_t ne1) {
    return reshaped(t, x, ggml_reshape_2d(t.ctx(), x->value, ne0, ne1));
}

std::vector<var> split_rows(tape & t, var x, const std::vector<int64_t> & sizes) {
    std::vector<var> parts;
    size_t           offset = 0;
    const int64_t    T      = x->value->ne[1];
    for (int64_t n : sizes) {
        ggml_tensor * view = ggml_view_2d(t.ctx(), x->value, n, T, x->value->nb[1], offset);
        parts.push_back(t.make(ggml_cont(t.ctx(), view), x->requires_grad));
        offset += n * sizeof(float);
    }
    t.push([&t, x, parts] {
        if (std::none_of(parts.begin(), parts.end(), [](var p) { return p->grad != nullptr; })) {
            return;
        }
        ggml_tensor * whole = nullptr;
        for (var p : parts) {
            ggml_tensor * part = p->grad ? p->grad : ggml_scale(t.ctx(), p->value, 0.0f); // nothing came of it
            part  = ggml_is_contiguous(part) ? part : ggml_cont(t.ctx(), part);
            whole = whole ? ggml_concat(t.ctx(), whole, part, 0) : part;
        }
        t.accumulate(x, whole);
    });
    return parts;
}

} // namespace forja
