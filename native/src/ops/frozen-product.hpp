// y = W x with a frozen W, in the precision that the graph's runner was asked for.
#pragma once

#include "ops/ops.hpp"

namespace forja {

/// W[first_row .. first_row + n_rows] x; x [n_in, T], F32 -> [n_rows, T], F32.
/// precision::f32: W is dequantised to F32, slab by slab (graph_runner::slab_bytes), and multiplied with x as it is: nothing is
/// rounded but the sums. precision::fast: by the CPU's own kernel (BF16 factors, or F32 without BF16 dot products) where
/// graph_runner::own_forward(), else by ggml's product, which rounds x to 8 bits for a quantised W and to W's type for F16 and BF16.
ggml_tensor * frozen_product(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows, ggml_tensor * x);

/// W x.
ggml_tensor * frozen_product(graph & g, const linear_weights & w, ggml_tensor * x);

} // namespace forja
