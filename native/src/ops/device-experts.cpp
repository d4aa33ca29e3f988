#include "ops/device-experts.hpp"

#include <algorithm>

namespace forja {

namespace {

// Rows of each expert that are dequantised at a time.
int64_t slab_of(const graph & g, const ggml_tensor * w) {
    return std::max<int64_t>(1, g.runner().slab_bytes / ((int64_t) sizeof(float) * w->ne[0] * w->ne[2] * 64)) * 64;
}

// The host reads the mapped file: for types that the device multiplies with and can't dequantise otherwise.
ggml_tensor * by_host(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows) {
    const tensor_info * info = w.info;
    const int64_t       n_in = w.weight->ne[0], n_out = w.weight->ne[1], n_experts = w.weight->ne[2];
    return g.host_input(std::string("dequantising ") + ggml_type_name(info->type), GGML_TYPE_F32, {n_in, n_rows, n_experts}, [=](void * dst) {
        const size_t row = ggml_row_size(info->type, n_in);
        for (int64_t e = 0; e < n_experts; e++) {
            ggml_get_type_traits(info->type)->to_float(info->data + row * (e * n_out + first_row), (float *) dst + e * n_rows * n_in, n_rows * n_in);
        }
    });
}

// Rows first_row .. first_row + n_rows of every expert in F32: [n_in, n_rows, E].
ggml_tensor * rows_f32(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows) {
    ggml_context * ctx    = g.ctx();
    ggml_tensor *  weight = w.weight;
    const bool     whole  = n_rows == weight->ne[1];
    ggml_tensor *  slice  = whole ? weight : ggml_view_3d(ctx, weight, weight->ne[0], n_rows, weight->ne[2], weight->nb[1], weight->nb[2], first_row * weight->nb[1]);
    if (weight->type == GGML_TYPE_F32) {
        return slice;
    }
    const int64_t n_experts = weight->ne[2];
    ggml_tensor * numbers   = g.input(GGML_TYPE_I32, {n_rows, n_experts}, [n_rows, n_experts](void * dst) {
        for (int64_t i = 0; i < n_rows * n_experts; i++) {
            ((int32_t *) dst)[i] = (int32_t) (i % n_rows);
        }
    });
    ggml_tensor * rows = ggml_get_rows(ctx, slice, numbers);
    if (g.runner().dev().supports(rows)) {
        return rows;
    }
    return by_host(g, w, first_row, n_rows);
}

// A strided part as a tensor of its own.
ggml_tensor * part_of(graph & g, ggml_tensor * x, int64_t first, int64_t n) {
    return n == x->ne[0] ? x : ggml_cont(g.ctx(), ggml_view_3d(g.ctx(), x, n, x->ne[1], x->ne[2], x->nb[1], x->nb[2], first * sizeof(float)));
}

// [n_rows, n_in, E] of rows [n_in, n_rows, E], in the type that the device multiplies with.
ggml_tensor * transposed(graph & g, ggml_tensor * rows, ggml_tensor * dy, ggml_tensor * ids) {
    ggml_context * ctx = g.ctx();
    const device & dev = g.runner().dev();
    if (g.runner().prec() == precision::fast) {
        for (ggml_type type : {GGML_TYPE_BF16, GGML_TYPE_F16}) {
            ggml_tensor * half = ggml_cast(ctx, rows, type);
            ggml_tensor * wt   = ggml_cont(ctx, ggml_transpose(ctx, half));
            if (dev.supports(half) && dev.supports(wt) && dev.supports(ggml_mul_mat_id(ctx, wt, dy, ids))) {
                return wt;
            }
        }
    }
    return ggml_cont(ctx, ggml_transpose(ctx, rows));
}

} // namespace

ggml_tensor * device_expert_product(graph & g, const linear_weights & w, ggml_tensor * x, ggml_tensor * ids) {
    ggml_context * ctx = g.ctx();
    if (g.runner().prec() == precision::fast || w.weight->type == GGML_TYPE_F32) {
        return ggml_mul_mat_id(ctx, w.weight, x, ids);
    }
    const int64_t slab = slab_of(g, w.weight), n_out = w.weight->ne[1];
    ggml_tensor * y    = nullptr;
    for (int64_t row = 0; row < n_out; row += slab) {
        ggml_tensor * part = ggml_mul_mat_id(ctx, rows_f32(g, w, row, std::min(slab, n_out - row)), x, ids);
        y                  = y ? ggml_concat(ctx, y, part, 0) : part;
    }
    return y;
}

ggml_tensor * device_expert_transposed(graph & g, const linear_weights & w, ggml_tensor * dy, ggml_tensor * ids) {
    const int64_t slab = slab_of(g, w.weight), n_out = w.weight->ne[1];
    ggml_tensor * sum  = nullptr;
    for (int64_t row = 0; row < n_out; row += slab) {
        const int64_t n    = std::min(slab, n_out - row);
        ggml_tensor * part = part_of(g, dy, row, n);
        ggml_tensor * dx   = ggml_mul_mat_id(g.ctx(), transposed(g, rows_f32(g, w, row, n), part, ids), part, ids);
        sum                = sum ? ggml_add(g.ctx(), sum, dx) : dx;
    }
    return sum;
}

ggml_tensor * sum_over_experts(graph & g, ggml_tensor * x) {
    ggml_tensor * sum = nullptr;
    for (int64_t j = 0; j < x->ne[1]; j++) {
        ggml_tensor * one = ggml_view_2d(g.ctx(), x, x->ne[0], x->ne[2], x->nb[2], j * x->nb[1]);
        sum               = sum ? ggml_add(g.ctx(), sum, one) : one;
    }
    return x->ne[1] == 1 ? ggml_cont(g.ctx(), sum) : sum;
}

} // namespace forja
