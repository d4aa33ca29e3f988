// What ggml's backends ask of a graph and what they may do with it, played wherever the CPU takes a device's part: so that a test on
// any machine finds what would go wrong on some device. Source: ggml-vulkan.cpp, ggml-cuda.cu and ggml-impl.h of llama.cpp v0.4.0.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ggml.h"

namespace forja {

/// Bytes to whose multiple an operand's offset comes on the strictest device: Vulkan lets minStorageBufferOffsetAlignment be no more.
constexpr size_t strictest_alignment = 256;

/// Bytes by which `t` begins beside a multiple of `alignment`, within the memory that its root owns.
size_t misalignment(const ggml_tensor * t, size_t alignment);

/// One line for each operand of `node` that begins where a backend's kernel can't bind it: ggml-vulkan aborts, or reads beside it.
std::vector<std::string> misaligned_operands(const ggml_tensor * node);

/// Does to a graph that has run what fusing may do: a value that another node uses is left unwritten, here overwritten with NaN,
/// unless it was marked with ggml_set_output(). No backend of the pinned llama.cpp leaves out more, since ggml_can_fuse() and
/// ggml_can_fuse_subgraph() refuse marked nodes; which of the others it leaves out depends on the order of nodes, on shapes and on
/// the release. Memory that somebody else owns (weights, inputs, gradients added to in place) stays.
void drop_unpromised_values(ggml_cgraph * gf);

} // namespace forja
