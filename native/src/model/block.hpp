// One transformer block, for every architecture: which pieces it has is read off the weights and the metadata.
#pragma once

#include "model/model.hpp"
#include "ops/ops.hpp"
#include "peft/method.hpp"

namespace forja {

/// Records block `il` on the tape: x [n_embd, T] -> [n_embd, T].
/// @param tuning may be null (the base alone)
/// @param dropout_key differs for each step
var block_forward(tape & t, batch_inputs & in, const model & m, int il, method * tuning, uint64_t dropout_key, var x);

} // namespace forja
