#include "ops/cpu-experts.hpp"

#include <cstring>

#include "ops/cpu-node.hpp"

namespace forja {

using namespace cpu_node;

namespace {

int32_t id_at(const ggml_tensor * ids, int64_t j, int64_t t) { return *(const int32_t *) ((const char *) ids->data + t * ids->nb[1] + j * ids->nb[0]); }

// The three lists that cpu_expert_order() lays out one behind the other.
const int32_t * first_of(const ggml_tensor * order) { return (const int32_t *) order->data; }
const int32_t * rows_in(const ggml_tensor * order, int64_t n_experts) { return first_of(order) + n_experts + 1; }
const int32_t * places_in(const ggml_tensor * order, int64_t n_experts, int64_t n_rows) { return rows_in(order, n_experts) + n_rows; }

int64_t experts_of(const ggml_tensor * order, int64_t n_rows) { return order->ne[0] - 1 - 2 * n_rows; }

cpu::product_type product_of(const graph & g) { return g.runner().own_products() ? cpu::fastest_product() : cpu::product_type::f32; }

void add_scaled(float * dst, const float * src, float factor, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        dst[i] += factor * src[i];
    }
}

float dot(const float * a, const float * b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double) a[i] * b[i];
    }
    return (float) sum;
}

} // namespace

ggml_tensor * cpu_expert_order(graph & g, ggml_tensor * ids, int64_t n_experts) {
    ggml_tensor *& known = g.by_expert[{ids, nullptr}];
    if (!known) {
        const int64_t k = ids->ne[0], T = ids->ne[1];
        known = node(g, "experts, order", GGML_TYPE_I32, {n_experts + 1 + 2 * k * T}, {ids}, [ids, n_experts, k, T](ggml_tensor * dst, int ith, int) {
            if (ith != 0) {
                return;
            }
            auto * first = (int32_t *) dst->data, * rows = first + n_experts + 1, * places = rows + k * T;
            std::fill(first, first + n_experts + 1, 0);
            for (int64_t t = 0; t < T; t++) {
                for (int64_t j = 0; j < k; j++) {
                    first[id_at(ids, j, t) + 1]++;
                }
            }
            for (int64_t e = 0; e < n_experts; e++) {
                first[e + 1] += first[e];
            }
            std::vector<int32_t> next(first, first + n_experts);
            for (int64_t t = 0; t < T; t++) {
                for (int64_t j = 0; j < k; j++) {
                    const int32_t place = next[id_at(ids, j, t)]++;
                    rows[place]         = (int32_t) (t * k + j);
                    places[t * k + j]   = place;
                }
            }
        });
    }
    return known;
}

ggml_tensor * cpu_sorted_rows(graph & g, ggml_tensor * x, ggml_tensor * ids, ggml_tensor * order) {
    ggml_tensor *& known = g.by_expert[{x, order}];
    if (!known) {
        const int64_t n = x->ne[0], k = ids->ne[0], n_rows = k * ids->ne[1], per_row = ggml_nrows(x) == n_rows ? 1 : k;
        const bool    half   = product_of(g) == cpu::product_type::bf16;
        const int64_t stride = half ? cpu::activation_stride(cpu::product_type::bf16, n) : n;
        ggml_tensor * from   = contiguous(g, x);
        known = node(g, "experts, rows sorted", half ? GGML_TYPE_BF16 : GGML_TYPE_F32, {stride, n_rows}, {from, order}, [=](ggml_tensor * dst, int ith, int nth) {
            const int32_t * rows = rows_in(order, experts_of(order, n_rows));
            for (int64_t s = n_rows * ith / nth; s < n_rows * (ith + 1) / nth; s++) {
                const float * src = f32(from) + rows[s] / per_row * n;
                if (half) {
                    cpu::pack_activations((uint16_t *) dst->data + s * stride, src, n, n, 1, 0, 1);
                } else {
                    std::memcpy(f32(dst) + s * stride, src, n * sizeof(float));
                }
            }
        });
    }
    return known;
}

ggml_tensor * cpu_expert_product(graph & g, const linear_weights & w, ggml_tensor * sorted, ggml_tensor * order, bool transposed) {
    ggml_tensor *           weight = w.weight;
    const cpu::product_type type   = product_of(g);
    const int64_t           n = weight->ne[transposed ? 0 : 1], n_rows = sorted->ne[1], stride = sorted->ne[0];
    ggml_tensor * y = node(g, "experts, product", GGML_TYPE_F32, {n, n_rows}, {weight, sorted, order}, [=](ggml_tensor * dst, int ith, int nth) {
        const int32_t * first  = first_of(order);
        const size_t    of_row = ggml_type_size(sorted->type) * (size_t) stride;
        for (int64_t e = 0; e < weight->ne[2]; e++) {
            if (const int64_t count = first[e + 1] - first[e]; count > 0) {
                const cpu::weight_rows rows = rows_of(weight, e);
                cpu::weight_product(type, f32(dst) + first[e] * n, n, rows, transposed, (const char *) sorted->data + first[e] * of_row, stride, count, false,
                                    scratch(cpu::weight_product_scratch_bytes(rows)), ith, nth);
            }
        }
    });
    g.describe(y, transposed ? "experts, W^T dy" : "experts, W x", 2.0 * (double) weight->ne[0] * (double) weight->ne[1] * (double) n_rows);
    return y;
}

ggml_tensor * cpu_unsorted_rows(graph & g, ggml_tensor * sorted, ggml_tensor * ids, ggml_tensor * order, ggml_tensor * bias) {
    const int64_t n = sorted->ne[0], k = ids->ne[0], T = ids->ne[1];
    std::vector<ggml_tensor *> args{sorted, ids, order};
    if (bias) {
        args.push_back(bias);
    }
    return node(g, "experts, rows back", GGML_TYPE_F32, {n, k, T}, args, [=](ggml_tensor * dst, int ith, int nth) {
        const int32_t * places = places_in(order, experts_of(order, k * T), k * T);
        for (int64_t row = k * T * ith / nth; row < k * T * (ith + 1) / nth; row++) {
            float * to = f32(dst) + row * n;
            std::memcpy(to, f32(sorted) + places[row] * n, n * sizeof(float));
            if (bias) {
                add_scaled(to, f32(bias) + id_at(ids, row % k, row / k) * n, 1.0f, n);
            }
        }
    });
}

ggml_tensor * cpu_sum_of_rows(graph & g, ggml_tensor * sorted, ggml_tensor * ids, ggml_tensor * order, ggml_tensor * weights, ggml_tensor * bias) {
    const int64_t n = sorted->ne[0], k = ids->ne[0], T = ids->ne[1];
    std::vector<ggml_tensor *> args{sorted, ids, order};
    for (ggml_tensor * t : {weights, bias}) {
        if (t) {
            args.push_back(t);
        }
    }
    return node(g, "experts, sum", GGML_TYPE_F32, {n, T}, args, [=](ggml_tensor * dst, int ith, int nth) {
        const int32_t * places = places_in(order, experts_of(order, k * T), k * T);
        for (int64_t t = T * ith / nth; t < T * (ith + 1) / nth; t++) {
            float * to = f32(dst) + t * n;
            std::fill(to, to + n, 0.0f);
            for (int64_t j = 0; j < k; j++) {
                const float weight = weights ? f32(weights)[t * k + j] : 1.0f;
                add_scaled(to, f32(sorted) + places[t * k + j] * n, weight, n);
                if (bias) {
                    add_scaled(to, f32(bias) + id_at(ids, j, t) * n, weight, n);
                }
            }
        }
    });
}

std::pair<ggml_tensor *, ggml_tensor *> cpu_sum_of_rows_backward(graph & g, ggml_tensor * sorted, ggml_tensor * order, ggml_tensor * rows,
                                                                 ggml_tensor * ids, ggml_tensor * weights, ggml_tensor * bias, ggml_tensor * dy) {
    const int64_t n = sorted->ne[0], k = ids->ne[0], T = ids->ne[1];
    std::vector<ggml_tensor *> args{sorted, order, rows, ids, weights, dy};
    if (bias) {
        args.push_back(bias);
    }
    ggml_tensor * both = node(g, "experts, sum, backward", GGML_TYPE_F32, {(n + 1) * k * T}, args, [=](ggml_tensor * dst, int ith, int nth) {
        const int32_t * places    = places_in(order, experts_of(order, k * T), k * T);
        float *         d_weights = f32(dst) + n * k * T;
        for (int64_t row = k * T * ith / nth; row < k * T * (ith + 1) / nth; row++) {
            const float * from = f32(sorted) + places[row] * n;
            float *       to   = f32(dst) + row * n;
            for (int64_t i = 0; i < n; i++) {
                to[i] = f32(weights)[row] * from[i];
            }
            d_weights[row] = dot(f32(rows) + row * n, from, n);
            if (bias) {
                d_weights[row] += dot(f32(bias) + id_at(ids, row % k, row / k) * dy->ne[0], f32(dy) + row / k * dy->ne[0], dy->ne[0]);
            }
        }
    });
    return {ggml_view_3d(g.ctx(), both, n, k, T, n * sizeof(float), n * k * sizeof(float), 0),
            ggml_view_2d(g.ctx(), both, k, T, k * sizeof(float), n * k * T * sizeof(float))};
}

} // namespace forja
