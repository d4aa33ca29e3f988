// A tuning as plain numbers: what training produces, checkpoints hold and every export starts from.
//
// One GGUF file of type `adapter`. Tensors are F32 and named after the base's tensor and the method's part of it, as
// blk.0.attn_q.weight.lora_a; the settings that the numbers depend on are forja.*. The file of a LoRA is what llama.cpp loads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings.hpp"
#include "gguf/gguf-file.hpp"

namespace forja {

struct saved_tuning {
    struct tensor {
        std::string        site; // the base's tensor that it belongs to: "blk.0.attn_q.weight"
        std::string        part; // the method's own name: "lora_a"
        int64_t            ne0 = 0, ne1 = 0;
        std::vector<float> values; // ne0 fastest

        std::string name() const { return site + "." + part; }
    };

    std::string         architecture;    // general.architecture of the base
    std::string         base_model_name; // general.name of the base, for people; may be empty
    method_settings     settings;        // `method` says whose it is
    std::vector<tensor> tensors;         // site by site, in the order of the base's layers

    const tensor *           find(const std::string & site, const std::string & part) const; // nullptr when absent
    bool                     has(const std::string & site) const;
    std::vector<std::string> sites() const; // each once, in their order
    int64_t                  n_params() const;
};

/// Writes the file whole or not at all. @throws error output_not_writable; failure disk_full, write_failed.
void write_tuning(const saved_tuning & saved, const std::string & path);

/// Reads Forja's files and LoRA adapters of others (F32, F16 or BF16; missing forja.* keys are derived).
/// @throws error what gguf_file::open throws; adapter_invalid (not an adapter, of no known method, a part missing or misshapen,
///         not finite).
saved_tuning read_tuning(const std::string & path);

/// @throws error adapter_mismatch unless every tensor fits one of the base in name and shape, and the architecture is its.
void require_tuning_fits(const saved_tuning & saved, const gguf_file & base);

} // namespace forja
