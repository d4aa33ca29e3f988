// The loss of whole files: the mean over all supervised tokens, whatever the batches.
#pragma once

#include <atomic>
#include <string>

#include "base/progress.hpp"
#include "train/engine.hpp"
#include "train/row-order.hpp"

namespace forja {

/// Sum over all rows, one row a pass. Returns early, with a part of the sum, once `cancelled`.
batch_loss evaluate_rows(engine & e, const row_set & rows, const std::atomic<bool> & cancelled, const progress_fn & progress = {});

/// The protocol's score job.
struct score_settings {
    std::string                model_path, tokens_path;
    std::optional<std::string> adapter_path;
    int                        max_seq_len = 512;
    std::string                device      = "cpu";
    int                        threads     = 0;
    precision                  compute_type = precision::fast;
};
struct score_result {
    double   mean_loss = 0, perplexity = 0;
    int64_t  tokens = 0, rows = 0;
    uint64_t peak_memory_bytes = 0;
};

/// @throws error: the inputs' own errors, dataset_empty; failure loss_not_finite
score_result run_score(const score_settings & s, const progress_fn & progress);

} // namespace forja
