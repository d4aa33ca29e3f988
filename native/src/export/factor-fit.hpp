// The factors of a row's blocks, fitted to the integers that the row has: they are numbers of 11 bits, where an integer has four, and
// so can follow an update that is much finer than the grid.
#pragma once

#include <cstdint>
#include <vector>

#include "export/block-format.hpp"
#include "export/input-sketch.hpp"

namespace forja {

/// Factors of so many columns at most are fitted together, so that the work a weight is bounded; then those of the next, to what the ones before
/// have left.
inline constexpr int64_t fit_columns = 1024;

/// Arrays of R rows side by side, as rounding-kernels.hpp has them.
struct fit_scratch {
    std::vector<float>   error;    // [n][R]
    std::vector<float>   residual; // [w][R]
    std::vector<float>   by_d, by_m, products, normal, factor;
    std::vector<float>   right, moved, gradient, start, now, near_by, missed; // [count][R]
    std::vector<float>   row_d, row_m;
    std::vector<uint8_t> bytes;
};

/// Changes the scales within blocks, where there are some, and then d (and m) of the blocks of n_rows rows (R at most) so that what the errors
/// cost gets as small as it can, each rounded to what can be stored as the others leave it best. Scales within blocks are whole
/// numbers of six or eight bits, so that their steps cost as much as an integer's: they are moved where that gains.
/// @param rows the rows' bytes, row_bytes apart
/// @param scratch its error and residual are those of the rows as they are, and are kept up
void fit_factors(const block_format & format, const input_basis & basis, int64_t n_rows, uint8_t * rows, size_t row_bytes, fit_scratch & scratch);

} // namespace forja
