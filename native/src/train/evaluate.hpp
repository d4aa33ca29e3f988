// The loss of whole files: the mean over all supervised tokens, whatever the batches.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/progress.hpp"
#include "base/settings.hpp"
#include "train/engine.hpp"
#include "train/row-order.hpp"

namespace forja {

/// Told the loss of each row: its number in the dataset, the sum over its supervised tokens in nats, and how many they are.
using row_loss_fn = std::function<void(uint64_t source_row, double nats, int64_t n_tokens)>;

/// Sum over all rows; of pairs, over the chosen answers. As many share a pass as the engine takes: one row alone leaves most of the machine idle. With on_row, one row is a pass,
/// so that a row's loss does not depend on the rows around it. Returns early, with a part of the sum, once `cancelled`.
batch_loss evaluate_rows(engine & e, const row_set & rows, const std::atomic<bool> & cancelled, const progress_fn & progress = {},
                         const row_loss_fn & on_row = {});

struct score_result {
    double   mean_loss = 0, perplexity = 0;
    int64_t  tokens = 0, rows = 0;
    uint64_t peak_memory_bytes = 0;
};

/// @throws error: the inputs' own errors, dataset_empty; failure loss_not_finite
score_result run_score(const score_settings & s, const progress_fn & progress, const row_loss_fn & on_row = {});

} // namespace forja
