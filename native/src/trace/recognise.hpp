// From libllama's graph to a program: caches seen through, layouts gone, small operations joined to the coarse ones that have kernels.
//
// What is not recognised as a coarse operation falls to operations on single values, so a missed pattern costs speed and never
// correctness. An operation without a backward pass refuses the model by name.
#pragma once

#include "trace/capture.hpp"
#include "trace/program.hpp"

namespace forja::trace {

/// @param max_seq_len tokens of a row that will be used: decides between short and long rotary factors
/// @throws error architecture_unsupported, with the operation that can't be trained
program recognise(const capture & c, const gguf_file & file, int max_seq_len);

/// What people call the layer with this weight: "q" … "down" for "blk.3.attn_q.weight" … , the tensor's own stem for others.
/// @param fused_gate_up "ffn_up" holds both halves of a gated feed-forward network
std::string site_role(const std::string & weight, bool fused_gate_up);

} // namespace forja::trace
