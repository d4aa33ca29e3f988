// A frozen linear layer: Y = W X + b, dX = W^T dY. W has no gradient, so nothing but dY is needed for the way back.
#include "ops/cpu-ops.hpp"
#include "ops/device-products.hpp"
#include "ops/frozen-product.hpp"
#include "ops/ops.hpp"

namespace forja {

var linear(tape & t, const linear_weights & w, var x, std::shared_ptr<adapted_linear> adapted, bool exact) {
    ggml_context * ctx   = t.ctx();
    ggml_tensor *  value = frozen_product(t.g, w, x->value);
    const bool     own   = adapted && adapted->owns_output();
    if (w.bias && !own) {
        value = t.g.on_cpu() ? cpu_add_bias(t.g, value, w.bias) : ggml_add(ctx, value, w.bias);
    }
    if (adapted) {
        value = adapted->forward(t, x->value, value);
    }
    var y = t.make(own ? value : t.keep(value, exact), x->requires_grad || adapted);
    t.push([&t, &w, x, y, adapted, ctx] {
        if (!y->grad) {
            return;
        }
        ggml_tensor * dy = adapted ? adapted->backward(t, x->value, y->grad) : y->grad;
        if (!x->requires_grad) {
            return; // the lowest adapted block: nothing below wants a gradient
        }
        ggml_tensor * dx;
        ggml_tensor * onto = t.g.runner().own_products() ? t.own_grad(x) : nullptr; // of q, k and v: one sum in one place
        if (!t.g.on_cpu()) {
            dx = device_transposed_product(t.g, w, 0, w.weight->ne[1], dy, nullptr);
        } else if (t.g.runner().own_products()) {
            dx = cpu_weight_product(t.g, w, dy, true, onto);
        } else {
            dx = ggml_mul_mat(ctx, cpu_dequantised_transpose(t.g, w, 0, w.weight->ne[1]), dy);
        }
        if (adapted) {
            dx = adapted->add_dx(t, dx);
        }
        if (onto) {
            t.replace_grad(x, dx);
        } else {
            t.accumulate(x, dx, true);
        }
    });
    return y;
}

void accumulate_outer(graph & g, ggml_tensor * acc, ggml_tensor * a, ggml_tensor * b, float scale) {
    ggml_context * ctx = g.ctx();
    scale *= g.runner().gradient_factor;
    if (g.on_cpu()) {
        g.expand(cpu_accumulate_outer(g, acc, a, b, scale));
        return;
    }
    ggml_tensor * sum = nullptr; // [m, n]
    if (g.runner().dev().has_outer_products() && ggml_is_contiguous(a) && ggml_is_contiguous(b)) {
        sum = ggml_out_prod(ctx, a, b);
    } else {
        ggml_tensor * at = ggml_cont(ctx, ggml_transpose(ctx, a)); // [T, m]
        ggml_tensor * bt = ggml_cont(ctx, ggml_transpose(ctx, b)); // [T, n]
        sum              = ggml_mul_mat(ctx, at, bt);
    }
    if (scale != 1.0f) {
        sum = ggml_scale(ctx, sum, scale);
    }
    g.expand(ggml_add_inplace(ctx, acc, sum));
}

} // namespace forja
