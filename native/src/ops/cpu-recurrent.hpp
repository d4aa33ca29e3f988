// What carries something from token to token, as nodes of the CPU's kernels. Shapes as in ops.hpp.
#pragma once

#include "ops/ops.hpp"

namespace forja {

/// taps [n, K]: the weight, transposed.
ggml_tensor * cpu_short_conv(graph & g, batch_inputs & in, ggml_tensor * x, ggml_tensor * taps, bool has_silu);
ggml_tensor * cpu_short_conv_backward(graph & g, batch_inputs & in, ggml_tensor * x, ggml_tensor * taps, ggml_tensor * dy, bool has_silu);

ggml_tensor * cpu_l2_norm(graph & g, ggml_tensor * x, float eps);
ggml_tensor * cpu_l2_norm_backward(graph & g, ggml_tensor * x, ggml_tensor * dy, float eps);

var cpu_delta_net(tape & t, batch_inputs & in, var q, var k, var v, var gate, var beta, bool is_grouped);

} // namespace forja
