// A checkpoint: a folder with adapter.gguf (the tuning; a LoRA is usable by llama.cpp as it is) and state.gguf (what else going on needs). It is
// written aside, synced and renamed, so a folder under its final name is always whole.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peft/method.hpp"

namespace forja {

struct run_state {
    int64_t               step       = 0; // optimiser steps done
    int64_t               tokens     = 0; // tokens seen
    int64_t               elapsed_ms = 0;
    double                train_loss = 0; // of the last step
    std::optional<double> val_loss, best_val_loss;
    bool                  is_validation_due = false; // a stop came while this step was being validated: that is made up for first

    /// What the numbers of a run follow from, as text. Those in `must_match` (model, data, adapter) can't change on resume.
    std::map<std::string, std::string> settings;
};

/// @throws failure: disk_full, write_failed; error output_not_writable
void save_checkpoint(const std::string & folder, const method & m, const run_state & s);

/// Reads the state and puts parameters and moments into `m`.
/// @throws error: checkpoint_missing, checkpoint_corrupt, adapter_mismatch
run_state load_checkpoint(const std::string & folder, method & m);

/// Only the state.
run_state read_checkpoint_state(const std::string & folder);

/// Folder of step s in the run: <out_dir>/checkpoints/step-00000010.
std::string checkpoint_folder(const std::string & out_dir, int64_t step);

/// Gives a checkpoint a name under which it is none of the run's any more, and returns that. An older one of that name goes.
std::string set_checkpoint_aside(const std::string & folder);

/// The step folders beside `folder` that are older than it, the newest first.
std::vector<std::string> checkpoints_before(const std::string & folder);

/// Removes all but the newest `kept` step folders, and leftovers of a writer that was killed.
void prune_checkpoints(const std::string & out_dir, int kept);

} // namespace forja
