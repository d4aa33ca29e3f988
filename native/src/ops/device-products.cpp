#include "ops/device-products.hpp"

#include <algorithm>

namespace forja {

namespace {

// Rows of W in F32, dequantised by the device, or null where it has no operation for that.
ggml_tensor * rows_f32(graph & g, ggml_tensor * slice) {
    ggml_context * ctx = g.ctx();
    const device & dev = g.runner().dev();
    if (slice->type == GGML_TYPE_F32) {
        return slice;
    }
    ggml_tensor * rows = ggml_get_rows(ctx, slice, g.row_ids(slice->ne[1]));
    if (dev.supports(rows)) {
        return rows;
    }
    ggml_tensor * cast = ggml_cast(ctx, slice, GGML_TYPE_F32);
    if (dev.supports(cast)) {
        return cast;
    }
    // CUDA's get_rows takes some types of 32-value blocks in rows of whole 256 values only. The blocks lie back to back, so
    // the same memory is a matrix of such rows.
    if (256 % ggml_blck_size(slice->type) == 0 && ggml_nelements(slice) % 256 == 0) {
        const int64_t n       = ggml_nelements(slice) / 256;
        ggml_tensor * regular = ggml_get_rows(ctx, ggml_reshape_2d(ctx, slice, 256, n), g.row_ids(n));
        if (dev.supports(regular)) {
            return ggml_reshape_2d(ctx, regular, slice->ne[0], slice->ne[1]);
        }
    }
    return nullptr;
}

// The host reads the mapped file and uploads W or W^T: for types that the device multiplies with and can't dequantise otherwise.
ggml_tensor * by_host(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows, bool transposed) {
    const tensor_info * info = w.info;
    const int64_t       n_in = w.weight->ne[0];
    return g.host_input(std::string("dequantising ") + ggml_type_name(info->type), GGML_TYPE_F32,
                        {transposed ? n_rows : n_in, transposed ? n_in : n_rows}, [=](void * dst) {
        const ggml_type_traits * traits = ggml_get_type_traits(info->type);
        const size_t             row    = ggml_row_size(info->type, n_in);
        std::vector<float>       line(n_in);
        float *                  out = (float *) dst;
        for (int64_t r = 0; r < n_rows; r++) {
            float * to = transposed ? line.data() : out + r * n_in;
            traits->to_float(info->data + row * (first_row + r), to, n_in);
            for (int64_t i = 0; transposed && i < n_in; i++) {
                out[i * n_rows + r] = line[i];
            }
        }
    });
}

ggml_tensor * rows_of(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows) {
    return ggml_view_2d(g.ctx(), w.weight, w.weight->ne[0], n_rows, w.weight->nb[1], first_row * w.weight->nb[1]);
}

// BF16 first: it has F32's range, so that no gradient vanishes, and CUDA multiplies it with F32 sums and results where F16 would
// either be summed in F16 or be converted to F32 again. Cast before transposing: that is the smaller copy, and one between equal
// types goes through shared memory.
ggml_tensor * half_product(graph & g, ggml_tensor * rows, ggml_tensor * dy) {
    ggml_context * ctx = g.ctx();
    const device & dev = g.runner().dev();
    for (ggml_type type : {GGML_TYPE_BF16, GGML_TYPE_F16}) {
        ggml_tensor * half = rows->type == type ? rows : ggml_cast(ctx, rows, type);
        ggml_tensor * wt   = ggml_cont(ctx, ggml_transpose(ctx, half));
        ggml_tensor * dx   = device_product(g, wt, dy);
        if ((half == rows || dev.supports(half)) && dev.supports(wt) && dev.supports(dx)) {
            return dx;
        }
    }
    return nullptr;
}

ggml_tensor * slab_product(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows, ggml_tensor * dy) {
    ggml_context * ctx   = g.ctx();
    ggml_tensor *  slice = rows_of(g, w, first_row, n_rows);
    const bool     fast  = g.runner().prec() == precision::fast;
    if (fast && slice->type == GGML_TYPE_BF16) {
        if (ggml_tensor * dx = half_product(g, slice, dy)) {
            return dx;
        }
    }
    ggml_tensor * rows = rows_f32(g, slice);
    if (!rows) {
        return device_product(g, by_host(g, w, first_row, n_rows, true), dy);
    }
    ggml_tensor * dx = fast ? half_product(g, rows, dy) : nullptr;
    return dx ? dx : device_product(g, ggml_cont(ctx, ggml_transpose(ctx, rows)), dy);
}

} // namespace

ggml_tensor * device_rows(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows) {
    ggml_tensor * rows = rows_f32(g, rows_of(g, w, first_row, n_rows));
    return rows ? rows : by_host(g, w, first_row, n_rows, false);
}

int64_t slab_rows(const graph_runner & r, int64_t n_in) {
    return std::max<int64_t>(1, r.slab_bytes / ((int64_t) sizeof(float) * n_in * 256)) * 256;
}

ggml_tensor * device_product(graph & g, ggml_tensor * w, ggml_tensor * x) {
    ggml_tensor * y = ggml_mul_mat(g.ctx(), w, x);
    if (w->type != GGML_TYPE_BF16) {
        ggml_mul_mat_set_prec(y, GGML_PREC_F32);
    }
    return y;
}

ggml_tensor * device_transposed_product(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows, ggml_tensor * dy,
                                        ggml_tensor * sum) {
    ggml_context * ctx  = g.ctx();
    const int64_t  slab = slab_rows(g.runner(), w.weight->ne[0]);
    for (int64_t row = 0; row < n_rows; row += slab) {
        const int64_t m    = std::min(slab, n_rows - row);
        ggml_tensor * part = m == n_rows ? dy : ggml_view_2d(ctx, dy, m, dy->ne[1], dy->nb[1], row * sizeof(float));
        ggml_tensor * dx   = slab_product(g, w, first_row + row, m, part);
        sum                = sum ? ggml_add(ctx, sum, dx) : dx;
    }
    return sum;
}

} // namespace forja
