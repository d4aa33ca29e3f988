// The tuned model as one GGUF: every tuned matrix as its method folds it, all else as it was.
#pragma once

#include <cstdint>
#include <string>

#include "base/progress.hpp"
#include "export/input-collector.hpp"
#include "gguf/gguf-file.hpp"
#include "peft/saved-tuning.hpp"

namespace forja {

struct merge_result {
    uint64_t    output_bytes   = 0;
    int64_t     tensors_merged = 0;
    std::string output_type; // as asked for
    bool        has_feedback = false; // some matrices were rounded with their inputs in mind
};

/// Streams the base through, a few MB at a time for each thread, whatever its size or that of its tensors. With output_type "same" every
/// tensor keeps its type, and rows that the adapter doesn't change are copied byte for byte; with another, types are those of quant-mix.hpp. Metadata,
/// tokenizer and template are kept; a split base becomes one file. Adapted matrices of a type that can't be made without an
/// importance matrix get a larger one, with the warning export_type_changed. progress counts bytes written.
/// @param threads 1 or more
/// @throws error adapter_mismatch, export_refused, output_type_unknown, weights_not_finite, export_overflow; output_not_writable; failure
///         disk_full (before anything is written, where the free space is known), write_failed.
merge_result merge_to_gguf(const gguf_file & base, const saved_tuning & saved, const std::string & output_type,
                           const std::string & output_path, int threads, const progress_fn & progress, const warning_fn & warn, const input_sketches & inputs = {});

} // namespace forja
