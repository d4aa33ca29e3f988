// The body of the `export` job.
#pragma once

#include <cstdint>
#include <string>

#include "base/progress.hpp"
#include "base/settings.hpp"

namespace forja {

/// The protocol's result_export, field by field.
struct export_result {
    std::string format, output_path;
    uint64_t    output_bytes = 0;
    std::string output_type; // "same", "q8_0", …; "f32" for adapters
    int64_t     tensors_merged = 0;
    int64_t     duration_ms    = 0;
    uint64_t    peak_memory_bytes = 0;
};

/// Writes what is asked for, whole or not at all. progress: bytes written of all (merged files only).
/// @throws error output_exists, output_is_input, export_format_unknown, and what the formats' own functions throw.
export_result run_export(const export_settings & options, const progress_fn & progress, const warning_fn & warn);

} // namespace forja
