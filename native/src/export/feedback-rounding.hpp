// Rounding that knows what the matrix is multiplied with: integers and factors chosen so that the outputs, not the weights, are as they
// should be.
#pragma once

#include <cstdint>
#include <vector>

#include "export/block-format.hpp"
#include "export/factor-fit.hpp"
#include "export/input-sketch.hpp"

namespace forja {

struct rounding_scratch {
    std::vector<float>   wanted, q, offset, step; // [n][R], as rounding-kernels.hpp has them
    std::vector<float>   row_offset, row_step;
    std::vector<uint8_t> row_q, bytes;
    fit_scratch          fit;
};

/// Rounds n_rows rows of weights `rows` [n_rows][n] to `bytes`, which hold a first rounding of them: its factors are where this starts.
/// Integers come column by column with error feedback and then by a sweep of coordinate descent, then the factors by least squares for these
/// integers. A second round of integers and factors gains where there are scales within blocks, which move the grid; elsewhere it was seen to
/// gain nothing. Any number of threads may do so, each with its own scratch; rows come out alike whichever are rounded with them.
void round_with_feedback(const block_format & format, const input_basis & basis, const float * rows, int64_t n_rows, uint8_t * bytes, rounding_scratch & scratch);

/// About how many multiplications a weight of a matrix with n inputs takes.
double rounding_work(int64_t n);

} // namespace forja
