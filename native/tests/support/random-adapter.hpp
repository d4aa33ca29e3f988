// An adapter that does something, without training.
#pragma once

#include "peft/saved-tuning.hpp"
#include "gguf/gguf-file.hpp"

namespace forja::test {

/// An adapter of every matrix of every block, A and B uniform around 0; b_size 0 gives B = 0, as at the start of training.
saved_tuning random_adapter(const gguf_file & base, int64_t rank, double alpha, bool rslora, float b_size);

} // namespace forja::test
