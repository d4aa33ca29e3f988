// The merged model at the type asked for, or at the smallest one that keeps enough.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "export/export.hpp"
#include "export/input-collector.hpp"
#include "export/merge-gguf.hpp"
#include "export/type-trial.hpp"

namespace forja {

struct merged_export {
    merge_result            merged;
    std::vector<tried_type> types; // of the trial; empty without one
};

/// What run_export does for the format gguf. With 'auto', types are tried from the smallest file up: each is written beside the output,
/// scored, and removed again unless it keeps kept_share_wanted; that one gets the output's name. Where none keeps so much, the one that keeps
/// most is taken, with the warning export_keeps_less. Where tuning didn't lower the loss on these rows, or there are none, nothing is
/// tried, with the warning export_type_not_tried.
merged_export export_merged(const export_settings & options, const gguf_file & base, const saved_tuning & saved, const export_observer & observe);

/// How many tokens of the run's rows rounding learns from: 768, which is three for each column of a sketch; fewer for models of more than a
/// billion parameters, and no fewer than 512.
uint64_t default_calibration_tokens(uint64_t n_params);

} // namespace forja
