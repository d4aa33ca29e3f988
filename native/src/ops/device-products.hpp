// Products with frozen weights on devices other than the CPU, out of ggml's own operations.
#pragma once

#include "ops/ops.hpp"

namespace forja {

/// W x with F32 sums. BF16 is left to itself: its sums are F32 everywhere, and asked for more CUDA would convert it to F32 first.
ggml_tensor * device_product(graph & g, ggml_tensor * w, ggml_tensor * x);

/// Rows of W that are dequantised at a time: as many as graph_runner::slab_bytes holds in F32, a multiple of 256.
int64_t slab_rows(const graph_runner & r, int64_t n_in);

/// Rows first_row .. first_row + n_rows of W in F32, dequantised by the device, or by the host where it can't: ne = [n_in, n_rows].
ggml_tensor * device_rows(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows);

/// sum + W[first_row .. first_row + n_rows]^T dy, taken slab by slab in ascending order: dy [n_rows, T] -> [n_in, T]. `sum` may be
/// null. W goes to BF16 (or F16) and the sums are F32; all is F32 where compute_type asks for it or the device has no such product.
ggml_tensor * device_transposed_product(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows, ggml_tensor * dy,
                                        ggml_tensor * sum);

} // namespace forja
