// The adapter in llama.cpp's own format: what `llama-cli --lora` and node-llama-cpp load.
//
// Keys: general.type = adapter, general.architecture, adapter.type = lora, adapter.lora.alpha. Tensors
// `<base tensor>.lora_a` ne = [n_in, r] and `.lora_b` ne = [r, n_out], F32. llama.cpp scales by adapter.lora.alpha / r, so with
// use_rslora alpha * sqrt(r) is written there; the settings as the person gave them are in forja.lora_rank, forja.lora_alpha,
// forja.lora_dropout, forja.use_rslora and forja.target_modules.
#pragma once

#include <string>

#include "peft/adapter.hpp"
#include "gguf/gguf-file.hpp"

namespace forja {

/// Writes the file whole or not at all. @throws error output_not_writable; failure disk_full, write_failed.
void write_adapter_gguf(const adapter_tensors & adapter, const std::string & path);

/// Reads Forja's adapters and those of others (F32, F16 or BF16; missing forja.* keys are derived).
/// @throws error what gguf_file::open throws; adapter_invalid (not an adapter, a pair incomplete or misshapen, not finite).
adapter_tensors read_adapter_gguf(const std::string & path);

/// @throws error adapter_mismatch unless every pair fits a tensor of the base in name and shape, and the architecture is its.
void require_adapter_fits(const adapter_tensors & adapter, const gguf_file & base);

} // namespace forja
