// The adapter as a folder that Hugging Face PEFT loads: adapter_model.safetensors and adapter_config.json.
//
// llama-architecture GGUFs hold the rows of q and k in another order than Hugging Face's model: convert_hf_to_gguf.py puts
// the two halves of each head's rotation pairs side by side. lora_B has the same rows, so they go back on the way out and
// forth on the way in. The other architectures keep the order. Fused layers (phi3: qkv_proj, gate_up_proj) stay fused.
#pragma once

#include <optional>
#include <string>

#include "gguf/gguf-file.hpp"
#include "peft/saved-tuning.hpp"

namespace forja {

/// The repository on Hugging Face that the base was converted from, such as org/name, where its metadata say it: PEFT loads it from there.
/// `general.base_model` is not asked: it is what this model was itself tuned from.
std::optional<std::string> hub_repository(const gguf_file & base);

/// Writes the folder whole or not at all, in place of one of that name. Only what an adapter folder holds is ever replaced:
/// a folder with other files in it is refused.
/// @throws error adapter_mismatch, export_refused, output_not_writable, output_not_an_adapter_folder; failure disk_full, write_failed.
void write_peft_folder(const saved_tuning & saved, const gguf_file & base, const std::string & folder);

/// Reads it back for the same base.
/// @throws error file_not_found, safetensors_invalid, peft_invalid, adapter_mismatch.
saved_tuning read_peft_folder(const std::string & folder, const gguf_file & base);

} // namespace forja
