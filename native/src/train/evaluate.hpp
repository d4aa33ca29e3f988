// The loss of whole files: the mean over all supervised tokens, whatever the batches.
#pragma once

#include <atomic>
#include <string>

#include "base/progress.hpp"
#include "base/settings.hpp"
#include "train/engine.hpp"
#include "train/row-order.hpp"

namespace forja {

/// Sum over all rows, one row a pass. Returns early, with a part of the sum, once `cancelled`.
batch_loss evaluate_rows(engine & e, const row_set & rows, const std::atomic<bool> & cancelled, const progress_fn & progress = {});

struct score_result {
    double   mean_loss = 0, perplexity = 0;
    int64_t  tokens = 0, rows = 0;
    uint64_t peak_memory_bytes = 0;
};

/// @throws error: the inputs' own errors, dataset_empty; failure loss_not_finite
score_result run_score(const score_settings & s, const progress_fn & progress);

} // namespace forja
