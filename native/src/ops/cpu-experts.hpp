// Products with many experts' matrices on the CPU: a token's rows are brought together by expert, each expert's matrix is read once, as it
// lies in the file, and an expert that no token chose is never touched.
//
// Letters: E experts, k of them used for each token, T tokens. "Sorted" rows: the k T rows in the order of their experts.
#pragma once

#include "ops/ops.hpp"

namespace forja {

/// From ids [k, T]: I32, where each expert's sorted rows begin (E + 1), which row (t * k + j) each sorted row is (k T), and where each
/// row went (k T). Made once for each ids.
ggml_tensor * cpu_expert_order(graph & g, ggml_tensor * ids, int64_t n_experts);

/// Rows of x [n, m, T] sorted: [n, k T]. m is k, or 1 where all of a token's experts read the same row. In the form that
/// cpu_expert_product() takes. Made once for each x.
ggml_tensor * cpu_sorted_rows(graph & g, ggml_tensor * x, ggml_tensor * ids, ggml_tensor * order);

/// W[e] x, or W[e]^T x when `transposed`, of sorted rows: [n, k T].
ggml_tensor * cpu_expert_product(graph & g, const linear_weights & w, ggml_tensor * sorted, ggml_tensor * order, bool transposed);

/// Sorted rows back in their places, + bias of the row's expert (ne = [n, E] or null): [n, k, T].
ggml_tensor * cpu_unsorted_rows(graph & g, ggml_tensor * sorted, ggml_tensor * ids, ggml_tensor * order, ggml_tensor * bias);

/// Sum over a token's k rows, each times its weight (ne = [k, T]; null: 1), with bias as above: [n, T].
ggml_tensor * cpu_sum_of_rows(graph & g, ggml_tensor * sorted, ggml_tensor * ids, ggml_tensor * order, ggml_tensor * weights, ggml_tensor * bias);

/// The way back through that sum and the product before it, from sorted = W[e]^T dy [n, k T]: d_rows [n, k, T] = weight * sorted, and
/// d_weights [k, T] = rows · sorted + bias · dy. rows [n, k, T], dy [n_out, T].
std::pair<ggml_tensor *, ggml_tensor *> cpu_sum_of_rows_backward(graph & g, ggml_tensor * sorted, ggml_tensor * order, ggml_tensor * rows,
                                                                 ggml_tensor * ids, ggml_tensor * weights, ggml_tensor * bias, ggml_tensor * dy);

} // namespace forja
