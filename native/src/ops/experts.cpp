// Feed-forwards of which each token takes a few: frozen products by expert, and their weighted sum. Which experts a token takes is a
// choice, which has no gradient; their outputs and their weights have one.
#include <tuple>

#include "ops/cpu-experts.hpp"
#include "ops/device-experts.hpp"
#include "ops/ops.hpp"

namespace forja {

namespace {

ggml_tensor * contiguous(tape & t, ggml_tensor * x) { return ggml_is_contiguous(x) ? x : ggml_cont(t.ctx(), x); }

// + the bias [n, E] of each row's expert.
ggml_tensor * with_bias(ggml_context * ctx, ggml_tensor * y, ggml_tensor * bias, ggml_tensor * ids) {
    return bias ? ggml_add_id(ctx, y, bias, ids) : y;
}

ggml_tensor * as_rows(ggml_context * ctx, ggml_tensor * w) { return ggml_reshape_3d(ctx, w, 1, w->ne[0], w->ne[1]); } // [k, T] -> [1, k, T]

} // namespace

// dx[:, j, t] = W[e]^T dy[:, j, t]; where all experts read one row, summed over j.
var experts(tape & t, const linear_weights & w, var x, var ids) {
    ggml_tensor * chosen = ids->value, * xv = contiguous(t, x->value), * order = nullptr, * value;
    if (t.g.on_cpu()) {
        order = cpu_expert_order(t.g, chosen, w.weight->ne[2]);
        value = cpu_unsorted_rows(t.g, cpu_expert_product(t.g, w, cpu_sorted_rows(t.g, xv, chosen, order), order, false), chosen, order, w.bias);
    } else {
        value = with_bias(t.ctx(), device_expert_product(t.g, w, xv, chosen), w.bias, chosen);
    }
    var y = t.make(t.keep(value), x->requires_grad);
    t.push([&t, &w, x, y, chosen, order] {
        if (!y->grad || !x->requires_grad) {
            return;
        }
        ggml_tensor * dy  = contiguous(t, y->grad);
        const bool    one = x->value->ne[1] == 1 && chosen->ne[0] > 1;
        ggml_tensor * dx;
        if (t.g.on_cpu()) {
            ggml_tensor * sorted = cpu_expert_product(t.g, w, cpu_sorted_rows(t.g, dy, chosen, order), order, true);
            dx = one ? cpu_sum_of_rows(t.g, sorted, chosen, order, nullptr, nullptr) : cpu_unsorted_rows(t.g, sorted, chosen, order, nullptr);
        } else {
            dx = device_expert_transposed(t.g, w, dy, chosen);
            dx = one ? sum_over_experts(t.g, dx) : dx;
        }
        t.accumulate(x, ggml_reshape(t.ctx(), dx, x->value), true);
    });
    return y;
}

// With u = W[e]^T dy: dx[:, j, t] = weight u, and d weight = x · u + bias · dy, so that the product needs no computing again on the way
// back.
var experts_sum(tape & t, const linear_weights & w, var x, var ids, var weights) {
    ggml_context * ctx = t.ctx();
    ggml_tensor *  chosen = ids->value, * xv = contiguous(t, x->value), * wv = contiguous(t, weights->value), * order = nullptr, * value;
    if (t.g.on_cpu()) {
        order = cpu_expert_order(t.g, chosen, w.weight->ne[2]);
        value = cpu_sum_of_rows(t.g, cpu_expert_product(t.g, w, cpu_sorted_rows(t.g, xv, chosen, order), order, false), chosen, order, wv, w.bias);
    } else {
        ggml_tensor * rows = with_bias(ctx, device_expert_product(t.g, w, xv, chosen), w.bias, chosen);
        value              = sum_over_experts(t.g, ggml_mul(ctx, rows, as_rows(ctx, wv)));
    }
    var y = t.make(t.keep(value), x->requires_grad || weights->requires_grad);
    t.push([&t, &w, x, weights, y, xv, wv, chosen, order, ctx] {
        if (!y->grad || !y->requires_grad) {
            return;
        }
        ggml_tensor * dy = contiguous(t, y->grad);
        dy               = ggml_reshape_3d(ctx, dy, dy->ne[0], 1, dy->ne[1]);
        ggml_tensor * dx, * dw;
        if (t.g.on_cpu()) {
            ggml_tensor * u  = cpu_expert_product(t.g, w, cpu_sorted_rows(t.g, dy, chosen, order), order, true);
            std::tie(dx, dw) = cpu_sum_of_rows_backward(t.g, u, order, xv, chosen, wv, w.bias, dy);
        } else {
            ggml_tensor * u = device_expert_transposed(t.g, w, dy, chosen);
            dx = ggml_mul(ctx, u, as_rows(ctx, wv));
            dw = ggml_sum_rows(ctx, ggml_mul(ctx, u, xv)); // [1, k, T]
            if (w.bias) {
                ggml_tensor * flat = ggml_reshape_1d(ctx, ggml_cont(ctx, chosen), ggml_nelements(chosen));
                ggml_tensor * own  = ggml_reshape_3d(ctx, ggml_get_rows(ctx, w.bias, flat), w.bias->ne[0], chosen->ne[0], chosen->ne[1]);
                dw                 = ggml_add(ctx, dw, ggml_sum_rows(ctx, ggml_mul(ctx, own, dy)));
            }
        }
        t.accumulate(x, ggml_reshape(ctx, contiguous(t, dx), x->value), true);
        t.accumulate(weights, ggml_reshape(ctx, contiguous(t, dw), weights->value), true);
    });
    return y;
}

} // namespace forja
