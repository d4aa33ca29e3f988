// Products with many experts' matrices on devices other than the CPU, out of ggml's own operations.
#pragma once

#include "ops/ops.hpp"

namespace forja {

/// W[ids[j, t]] x[:, j or 0, t]: x [n_in, k or 1, T], ids [k, T] -> [n_out, k, T]. In F32 where compute_type asks for it.
ggml_tensor * device_expert_product(graph & g, const linear_weights & w, ggml_tensor * x, ggml_tensor * ids);

/// W[ids[j, t]]^T dy[:, j or 0, t] -> [n_in, k, T]. All experts' matrices are dequantised, some of their rows at a time
/// (graph_runner::slab_bytes).
ggml_tensor * device_expert_transposed(graph & g, const linear_weights & w, ggml_tensor * dy, ggml_tensor * ids);

/// x [n, k, T] summed over k: [n, T].
ggml_tensor * sum_over_experts(graph & g, ggml_tensor * x);

} // namespace forja
