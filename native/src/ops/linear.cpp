// A frozen linear layer: Y = W X + b, dX = W^T dY. W has no gradient, so nothing but dY is needed for the way back.
#include "ops/cpu-ops.hpp"
#include "ops/ops.hpp"

namespace forja {

var linear(tape & t, const linear_weights & w, var x, std::shared_ptr<adapted_linear> adapted) {
    ggml_context * ctx   = t.ctx();
    ggml_tensor *  value = cpu_own_forward(t.g) ? cpu_weight_product(t.g, w, x->value, false) : ggml_mul_mat(ctx, w.weight, x->value);
    if (w.bias) {
        value = ggml_add(ctx, value, w.bias);
    }
    if (adapted) {
        value = adapted->forward(t, x->value, value);
    }
    var y = t.make(t.keep(value), x->requires_grad || adapted);
    t.push([&t, &w, x, y, adapted, ctx] {
        if (!y->grad) {
            return;
        }
        ggml_tensor * dy = adapted ? adapted->backward(t, x->value, y->grad) : y->grad;
        if (!x->requires_grad) {
            return; // the lowest adapted block: nothing below wants a gradient
        }
        ggml_tensor * dx = t.g.runner().own_products()
                               ? cpu_weight_product(t.g, w, dy, true)
                               : ggml_mul_mat(ctx, dequantised_transpose(t.g, w, 0, w.weight->ne[1]), dy);
        t.accumulate(x, adapted ? adapted->add_dx(t, dx) : dx);
    });
    return y;
}

ggml_tensor * dequantised_transpose(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows) {
    ggml_context * ctx = g.ctx();
    if (g.on_cpu()) {
        return cpu_dequantised_transpose(g, w, first_row, n_rows);
    }
    const int64_t n_in  = w.weight->ne[0];
    ggml_tensor * slice = ggml_view_2d(ctx, w.weight, n_in, n_rows, w.weight->nb[1], first_row * w.weight->nb[1]);

    // On a device: the first of these that it can do.
    if (w.weight->type == GGML_TYPE_F32) {
        return ggml_cont(ctx, ggml_transpose(ctx, slice));
    }
    ggml_tensor * cast = ggml_cast(ctx, slice, GGML_TYPE_F32);
    if (g.runner().dev().supports(cast)) {
        return ggml_cont(ctx, ggml_transpose(ctx, cast));
    }
    ggml_tensor * ids = g.input(GGML_TYPE_I32, {n_rows}, [n_rows](void * dst) {
        for (int64_t i = 0; i < n_rows; i++) {
            ((int32_t *) dst)[i] = (int32_t) i;
        }
    });
    ggml_tensor * rows = ggml_get_rows(ctx, slice, ids);
    if (g.runner().dev().supports(rows)) {
        return ggml_cont(ctx, ggml_transpose(ctx, rows));
    }
    // Else the host dequantises from the mapped file and uploads.
    const tensor_info * info = w.info;
    return g.input(GGML_TYPE_F32, {n_rows, n_in}, [info, n_in, first_row, n_rows](void * dst) {
        const ggml_type_traits * traits = ggml_get_type_traits(info->type);
        const size_t             row    = ggml_row_size(info->type, n_in);
        std::vector<float>       line(n_in);
        float *                  out = (float *) dst;
        for (int64_t r = 0; r < n_rows; r++) {
            traits->to_float(info->data + row * (first_row + r), line.data(), n_in);
            for (int64_t i = 0; i < n_in; i++) {
                out[i * n_rows + r] = line[i];
            }
        }
    });
}

void accumulate_outer(graph & g, ggml_tensor * acc, ggml_tensor * a, ggml_tensor * b, float scale) {
    ggml_context * ctx = g.ctx();
    if (g.on_cpu()) {
        g.expand(cpu_accumulate_outer(g, acc, a, b, scale));
        return;
    }
    ggml_tensor * at  = ggml_cont(ctx, ggml_transpose(ctx, a)); // [T, m]
    ggml_tensor * bt  = ggml_cont(ctx, ggml_transpose(ctx, b)); // [T, n]
    ggml_tensor * sum = ggml_mul_mat(ctx, at, bt);              // [m, n]
    if (scale != 1.0f) {
        sum = ggml_scale(ctx, sum, scale);
    }
    g.expand(ggml_add_inplace(ctx, acc, sum));
}

} // namespace forja
