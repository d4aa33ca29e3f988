// The traced program against libllama itself, on the very file that is to be trained.
#pragma once

#include "train/engine.hpp"

namespace forja {

/// Computes a few tokens of a row here and by libllama, and compares their losses. The engine's method must change nothing yet.
/// @param tokens of a row as a token file has them; the first 64 are taken
/// @throws failure model_differs where the losses are further apart than rounding explains
void require_llama_agrees(engine & e, const std::string & model_path, const std::vector<int32_t> & tokens, int threads);

} // namespace forja
