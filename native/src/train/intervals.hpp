// How often a run validates and writes checkpoints where the person leaves it to Forja: about ten times a run.
#pragma once

#include <cstdint>

namespace forja {

/// Steps between two checkpoints: a tenth of the run, at least five.
int64_t automatic_checkpoint_steps(int64_t total_steps);

/// Steps between two validations: as for checkpoints, or so many times that as keeps all validations together below a quarter of the
/// run's work. A forward pass is a third of a step's work.
/// @param val_tokens    tokens of one validation; 0: as for checkpoints
/// @param step_tokens   tokens of a step, on average
int64_t automatic_eval_steps(int64_t total_steps, int64_t val_tokens, double step_tokens);

} // namespace forja
