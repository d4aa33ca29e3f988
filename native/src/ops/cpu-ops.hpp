// The CPU's fused kernels (ops/cpu/kernels.hpp) as graph nodes. Only for graphs that run on the CPU.
#pragma once

#include <utility>

#include "ops/ops.hpp"

namespace forja {

namespace cpu {
struct dropout;
}

ggml_tensor * cpu_rms_norm(graph & g, ggml_tensor * x, ggml_tensor * w, float eps);
ggml_tensor * cpu_rms_norm_backward(graph & g, ggml_tensor * x, ggml_tensor * w, ggml_tensor * dy, float eps);

ggml_tensor * cpu_gated(graph & g, ggml_tensor * gate, ggml_tensor * up, activation act);
/// {d_gate, d_up}, views of one node.
std::pair<ggml_tensor *, ggml_tensor *> cpu_gated_backward(graph & g, ggml_tensor * gate, ggml_tensor * up, ggml_tensor * dy, activation act);

var cpu_attention(tape & t, batch_inputs & in, var q, var k, var v, const attention_settings & s, ggml_tensor * sinks);

/// W x, or W^T x when `transposed`, by Forja's own kernel: W is dequantised piece by piece as it goes, to BF16 where the CPU
/// has BF16 dot products. Only with graph_runner::own_products(). Where `onto` is, onto + that, in onto's memory.
ggml_tensor * cpu_weight_product(graph & g, const linear_weights & w, ggml_tensor * x, bool transposed, ggml_tensor * onto = nullptr);

/// The head's two products: logits [n_vocab, n] = W x, rows cpu::logits_stride() apart; and W^T d_logits from what
/// cpu_cross_entropy() made of them with for_product.
ggml_tensor * cpu_logits(graph & g, const linear_weights & w, ggml_tensor * x);
ggml_tensor * cpu_logits_backward(graph & g, const linear_weights & w, ggml_tensor * d_logits);

/// a + b, contiguous and of one shape.
ggml_tensor * cpu_sum(graph & g, ggml_tensor * a, ggml_tensor * b);
/// y [n, T] + bias [n], in y's memory.
ggml_tensor * cpu_add_bias(graph & g, ggml_tensor * y, ggml_tensor * bias);

/// y [n, T] * m / d + bias, of n values each; bias may be null.
ggml_tensor * cpu_scale_outputs(graph & g, ggml_tensor * y, ggml_tensor * m, ggml_tensor * d, ggml_tensor * bias);
/// acc [n] += scale / d * the sum over T of a b, of shape [n, T].
ggml_tensor * cpu_accumulate_scale(graph & g, ggml_tensor * acc, ggml_tensor * a, ggml_tensor * b, ggml_tensor * d, float scale);

/// Rows first_row .. first_row + n_rows of W in F32: ne = [n_in, n_rows].
ggml_tensor * cpu_dequantised(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows);
/// W^T in F32, for the reference precision: ne = [n_rows, n_in], of rows first_row .. first_row + n_rows of W.
ggml_tensor * cpu_dequantised_transpose(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows);

/// See accumulate_outer(). The smaller of acc's two dimensions is taken as the adapter's rank.
ggml_tensor * cpu_accumulate_outer(graph & g, ggml_tensor * acc, ggml_tensor * a, ggml_tensor * b, float scale);

/// u [r, T] = scale * A x; A ne = [n_in, r], x [n_in, T].
ggml_tensor * cpu_lora_down(graph & g, ggml_tensor * a, ggml_tensor * x, float scale);
/// y + scale * B u, in y's memory; B ne = [r, n_out], u [r, T].
ggml_tensor * cpu_lora_up(graph & g, ggml_tensor * b, ggml_tensor * u, ggml_tensor * y, float scale);
/// du [r, T] = scale * B^T dy.
ggml_tensor * cpu_lora_up_backward(graph & g, ggml_tensor * b, ggml_tensor * dy, float scale);
/// dx + A^T du, in dx's memory; with `drop`, only where it kept the input.
ggml_tensor * cpu_lora_down_backward(graph & g, ggml_tensor * a, ggml_tensor * du, ggml_tensor * dx);
ggml_tensor * cpu_lora_down_backward(graph & g, ggml_tensor * a, ggml_tensor * du, ggml_tensor * dx, const cpu::dropout & drop);

/// x [n, T] where `drop` keeps it, times its factor; else 0.
ggml_tensor * cpu_dropout(graph & g, ggml_tensor * x, const cpu::dropout & drop);

/// Cross entropy in place on logits [n_vocab, n]: they become their gradients times grad_scale (when with_grad), and the
/// losses go to loss_nats (host memory, n values) as the node runs.
/// @param for_product gradients as cpu_logits_backward() takes them, which may be BF16
/// @param weights of each row, beside grad_scale; null: all 1
ggml_tensor * cpu_cross_entropy(graph & g, ggml_tensor * logits, ggml_tensor * labels, float * loss_nats, const float * weights, bool with_grad,
                                float grad_scale, float softcap, bool for_product);

} // namespace forja
