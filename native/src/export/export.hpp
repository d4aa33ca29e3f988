// The body of the `export` job.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "base/settings.hpp"
#include "export/type-trial.hpp"

namespace forja {

/// Who follows an export. Functions that may do nothing, but none is empty.
struct export_observer {
    std::function<void(const std::string & phase)>                                   on_status  = [](const std::string &) {};
    std::function<progress_fn(const std::string & phase, const char * unit)>         progress   = [](const std::string &, const char *) { return progress_fn(); };
    warning_fn                                                                       on_warning = [](const warning &) {};
    /// The trial as it stands: losses of base and of base + adapter, and all types, the smallest file first.
    std::function<void(double base_loss, double tuned_loss, const std::vector<tried_type> &)> on_types = [](double, double, const std::vector<tried_type> &) {};
};

/// The protocol's result_export, field by field.
struct export_result {
    std::string format, output_path;
    uint64_t    output_bytes = 0;
    std::string output_type; // "same", "q8_0", …; "f32" for adapters
    int64_t     tensors_merged = 0;
    bool        has_feedback   = false; // see merge_result
    std::vector<tried_type> types;
    int64_t     duration_ms    = 0;
    uint64_t    peak_memory_bytes = 0;
};

/// Writes what is asked for, whole or not at all. Progress is told of merged files only.
/// @throws error output_exists, output_is_input, export_format_unknown, and what the formats' own functions throw.
export_result run_export(const export_settings & options, const export_observer & observe = {});

} // namespace forja
