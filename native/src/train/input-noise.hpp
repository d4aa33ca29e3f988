// NEFTune: noise on what enters the first block, in training alone. Source: Jain et al. 2023, algorithm 1.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/ops.hpp"

namespace forja {

/// Adds uniform noise within alpha / sqrt(L n) to the n values of each token of a row of L. A token's noise follows from `key`, its row
/// and its place: the same in whichever pass the row lies.
/// @param values [n, T] of the micro-batch
void add_input_noise(std::vector<float> & values, const micro_batch & mb, double alpha, uint64_t key);

} // namespace forja
