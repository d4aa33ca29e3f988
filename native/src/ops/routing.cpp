// How tokens choose their experts: softmax, the largest few, their values. Few numbers, so ggml's own operations on every device.
#include "ops/ops.hpp"

namespace forja {

namespace {

ggml_tensor * contiguous(ggml_context * ctx, ggml_tensor * t) { return ggml_is_contiguous(t) ? t : ggml_cont(ctx, t); }

} // namespace

// dx = factor y (dy - sum of y dy)
var softmax(tape & t, var x, float factor) {
    ggml_context * ctx   = t.ctx();
    ggml_tensor *  value = ggml_soft_max_ext(ctx, x->value, nullptr, factor, 0.0f);
    var            y     = t.make(value, x->requires_grad);
    t.push([&t, x, y, factor, ctx] {
        if (y->grad && x->requires_grad) {
            ggml_tensor * dy = contiguous(ctx, y->grad);
            ggml_tensor * dx = ggml_mul(ctx, y->value, ggml_sub(ctx, dy, ggml_sum_rows(ctx, ggml_mul(ctx, dy, y->value))));
            t.accumulate(x, factor == 1.0f ? dx : ggml_scale(ctx, dx, factor), true);
        }
    });
    return y;
}

var top_k(tape & t, var x, int64_t k) {
    ggml_tensor * ids = ggml_argsort_top_k(t.ctx(), x->value, (int) k);
    return t.make(t.g.runner().on_choice ? t.g.runner().on_choice(t.g, ids) : ids, false);
}

// dx is zero where nothing was picked.
var pick(tape & t, var x, var ids) {
    ggml_context * ctx = t.ctx();
    const int64_t  n = x->value->ne[0], T = x->value->ne[1], k = ids->value->ne[0];
    ggml_tensor *  chosen = ids->value;
    ggml_tensor *  value  = ggml_get_rows(ctx, ggml_reshape_3d(ctx, x->value, 1, n, T), chosen);
    var            y      = t.make(ggml_reshape_2d(ctx, value, k, T), x->requires_grad);
    t.push([&t, x, y, chosen, ctx, n, T, k] {
        if (y->grad && x->requires_grad) {
            ggml_tensor * zeros = ggml_scale(ctx, x->value, 0.0f);
            ggml_tensor * dy    = ggml_reshape_3d(ctx, contiguous(ctx, y->grad), 1, k, T);
            t.accumulate(x, ggml_reshape_2d(ctx, ggml_set_rows(ctx, ggml_reshape_3d(ctx, zeros, 1, n, T), dy, chosen), n, T));
        }
    });
    return y;
}

var sum_rows(tape & t, var x) {
    ggml_context * ctx = t.ctx();
    var            y   = t.make(ggml_sum_rows(ctx, x->value), x->requires_grad);
    t.push([&t, x, y, ctx] {
        if (y->grad && x->requires_grad) {
            t.accumulate(x, ggml_repeat(ctx, contiguous(ctx, y->grad), x->value), true);
        }
    });
    return y;
}

// da = dy / b, db = - (sum of) dy y / b
var divide(tape & t, var a, var b) {
    ggml_context * ctx = t.ctx();
    var            y   = t.make(ggml_div(ctx, a->value, b->value), a->requires_grad || b->requires_grad);
    t.push([&t, a, b, y, ctx] {
        if (!y->grad || !y->requires_grad) {
            return;
        }
        ggml_tensor * da = ggml_div(ctx, contiguous(ctx, y->grad), b->value);
        t.accumulate(a, da);
        if (b->requires_grad) {
            ggml_tensor * db = ggml_mul(ctx, da, y->value);
            db               = b->value->ne[0] == db->ne[0] ? db : ggml_sum_rows(ctx, db);
            t.accumulate(b, ggml_scale(ctx, db, -1.0f), true);
        }
    });
    return y;
}

} // namespace forja
