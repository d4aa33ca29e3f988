// A training run: steps, validation, checkpoints and the person's commands.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/progress.hpp"
#include "base/settings.hpp"
#include "optim/adamw.hpp"
#include "optim/schedule.hpp"
#include "peft/method.hpp"
#include "train/checkpoint.hpp"
#include "train/engine.hpp"
#include "train/run-record.hpp"

namespace forja {

// What a run tells; fields as in native/protocol/events.schema.json.
struct train_plan {
    std::string architecture, base_type, device;
    int64_t     n_layer, n_params, trainable_parameters, rows, dataset_rows, val_rows, steps_per_epoch, total_steps, start_step, skipped_rows, truncated_rows;
    int         threads;
};
struct train_step {
    int64_t  step, total_steps;
    double   epoch, train_loss, learning_rate, grad_norm, tokens_per_second;
    int64_t  tokens, supervised_tokens, elapsed_ms, eta_ms;
    uint64_t peak_memory_bytes;
    std::map<std::string, double> metrics; // the objective's own figures
};
struct train_validation {
    int64_t step;
    double  val_loss, perplexity;
    int64_t tokens;
    bool    is_best;
    std::map<std::string, double> metrics;
};
struct train_checkpoint {
    int64_t     step;
    std::string path, reason;
};
struct train_result {
    bool                       completed = false;
    int64_t                    steps     = 0;
    std::optional<double>      train_loss, val_loss, best_val_loss;
    std::optional<std::string> adapter_path, last_checkpoint_path;
    int64_t                    trainable_parameters = 0;
    uint64_t                   peak_memory_bytes    = 0;
    double                     tokens_per_second    = 0;
    int64_t                    duration_ms          = 0;
};

struct train_observer {
    std::function<void(const std::string & phase)>  on_status     = [](auto &&) {};
    std::function<void(const train_plan &)>         on_plan       = [](auto &&) {};
    std::function<void(const train_step &)>         on_step       = [](auto &&) {};
    std::function<void(const train_validation &)>   on_validation = [](auto &&) {};
    std::function<void(const train_checkpoint &)>   on_checkpoint = [](auto &&) {};
    warning_fn                                      on_warning    = [](auto &&) {};
};

/// What the person asks of a running job; set from another thread, read between micro-batches.
struct train_control {
    std::atomic<bool> pause{false}, stop{false}, checkpoint{false};
};

/// Runs the job to its end or until control.stop. A step that was begun when a stop came is dropped, not half done.
/// @throws error: the inputs' own errors, dataset_empty, resume_mismatch; failure: loss_not_finite, disk_full …
train_result run_training(const train_settings & s, const train_observer & observer, train_control & control);

} // namespace forja
