// libllama's own forward pass, to compare ours with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forja::test {

/// Logits of every position of one sequence, ne = [n_vocab, n_tokens], as stock libllama computes them on the CPU with flash
/// attention off, keys and values cached in F32 and weights left as they lie in the file (no repacking): what is left of the
/// difference to our forward is the order of sums.
/// @param n_ctx context size; 0 for the smallest that holds the tokens. It decides which long-rope factors are used.
/// @param adapter_path a LoRA adapter to apply, or empty
/// @throws std::runtime_error when libllama refuses the file
std::vector<float> libllama_logits(const std::string & model_path, const std::vector<int32_t> & tokens, int n_ctx = 0,
                                   const std::string & adapter_path = "");

/// Whether libllama loads the file (weights included).
bool libllama_loads(const std::string & model_path);

} // namespace forja::test
