#include "ops/frozen-product.hpp"

#include <algorithm>

#include "ops/cpu-ops.hpp"
#include "ops/device-products.hpp"

namespace forja {

namespace {

// Joins parts [n, T] along n, in halves so that each value is copied log(parts) times.
ggml_tensor * join(ggml_context * ctx, const std::vector<ggml_tensor *> & parts, size_t lo, size_t hi) {
    if (hi - lo == 1) {
        return parts[lo];
    }
    const size_t mid = lo + (hi - lo) / 2;
    return ggml_concat(ctx, join(ctx, parts, lo, mid), join(ctx, parts, mid, hi), 0);
}

ggml_tensor * exact_product(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows, ggml_tensor * x) {
    const int64_t              slab = slab_rows(g.runner(), w.weight->ne[0]);
    std::vector<ggml_tensor *> parts;
    for (int64_t row = 0; row < n_rows; row += slab) {
        const int64_t n    = std::min(slab, n_rows - row);
        ggml_tensor * rows = g.on_cpu() ? cpu_dequantised(g, w, first_row + row, n) : device_rows(g, w, first_row + row, n);
        parts.push_back(g.on_cpu() ? ggml_mul_mat(g.ctx(), rows, x) : device_product(g, rows, x));
    }
    return join(g.ctx(), parts, 0, parts.size());
}

} // namespace

ggml_tensor * frozen_product(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows, ggml_tensor * x) {
    ggml_tensor * weight = w.weight;
    if (g.runner().prec() == precision::f32 && weight->type != GGML_TYPE_F32) {
        return exact_product(g, w, first_row, n_rows, x);
    }
    const bool whole = first_row == 0 && n_rows == weight->ne[1];
    if (whole && g.runner().own_forward()) {
        return cpu_weight_product(g, w, x, false);
    }
    if (!whole) {
        weight = ggml_view_2d(g.ctx(), weight, weight->ne[0], n_rows, weight->nb[1], first_row * weight->nb[1]);
    }
    return g.on_cpu() ? ggml_mul_mat(g.ctx(), weight, x) : device_product(g, weight, x);
}

ggml_tensor * frozen_product(graph & g, const linear_weights & w, ggml_tensor * x) { return frozen_product(g, w, 0, w.weight->ne[1], x); }

} // namespace forja
