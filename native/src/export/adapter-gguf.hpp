// The adapter in llama.cpp's own format: what `llama-cli --lora` and node-llama-cpp load. It is LoRA's own file.
#pragma once

#include <string>

#include "peft/saved-tuning.hpp"

namespace forja {

/// Writes the file whole or not at all. @throws error export_refused for a method that llama.cpp has no adapter for, and what
///         write_tuning() throws
void write_adapter_gguf(const saved_tuning & saved, const std::string & path);

} // namespace forja
