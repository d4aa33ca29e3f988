// Did the export keep what was learnt? Answered by stock libllama, on held-out rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/progress.hpp"
#include "base/settings.hpp"

namespace forja {

/// Losses and divergences are means over supervised tokens, in nats.
struct verify_result {
    double                     base_loss = 0, tuned_loss = 0, export_loss = 0;
    double                     mean_kl_divergence = 0; // KL(tuned || export)
    double                     base_kl_divergence = 0; // KL(tuned || base)
    std::optional<double>      recovered_share;        // (base - export) / (base - tuned); none where tuning didn't lower the loss
    std::string                verdict;                // kept | degraded | lost | nothing_learned
    std::optional<std::string> advice;
    uint64_t                   tokens = 0, rows = 0; // supervised tokens scored, rows that had any
};

/// As many tokens as three forward passes over a model of this many parameters take about half a minute for on a small computer
/// (2 FLOP a parameter and token, 200 GFLOPS), within what makes a verdict: 256 to 16384.
uint64_t default_max_tokens(uint64_t n_params);

/// The verdict by numbers alone, so that it can be tested.
/// nothing_learned: base + adapter predicts what the base does (KL below 1e-6 nats, which is rounding).
/// kept: at least 0.9 of the gain in loss is there, or the export predicts as base + adapter does (KL below 0.001 nats, or below
/// a hundredth of what tuning changed). lost: less than half of the gain. degraded: between. Where tuning didn't lower the loss
/// on these rows, the share of the change in predictions, 1 - KL(tuned || export) / KL(tuned || base), takes the gain's place.
void judge(verify_result & result);

/// Runs base, base + adapter and the export over the same rows and compares their predictions for every supervised token. An
/// exported adapter that holds the live one's very numbers is loaded, but not run once more.
/// Rows are taken in their order until max_rows or max_tokens is reached, and cut to max_seq_len. progress: rows. Memory: the models mapped, three small KV caches at F32, and 32 MB of logits each.
/// @throws error token_file_*, adapter_mismatch, device_not_found, nothing_to_verify (no supervised token in these rows),
///         export_unusable (libllama can't load it, or its numbers aren't finite).
verify_result run_verify(const verify_settings & options, const progress_fn & progress);

} // namespace forja
