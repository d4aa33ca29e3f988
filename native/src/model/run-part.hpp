// Walks a part of a model's program on the tape.
#pragma once

#include "model/model.hpp"
#include "ops/ops.hpp"
#include "peft/method.hpp"

namespace forja {

/// Records the steps of `p` on the tape: x [n_embd, T] -> [n_embd, T].
/// @param in positions and masks; null where the part has no use for them (the epilogue)
/// @param il the block that p is, -1 for the prologue and the epilogue
/// @param tuning may be null (the base alone)
/// @param dropout_key differs for each step
var run_part(tape & t, batch_inputs * in, const model & m, const trace::part & p, int il, method * tuning, uint64_t dropout_key, var x);

/// The same for block il.
var block_forward(tape & t, batch_inputs & in, const model & m, int il, method * tuning, uint64_t dropout_key, var x);

} // namespace forja
