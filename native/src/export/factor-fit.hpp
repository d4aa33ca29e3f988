// The factors of a row's blocks, fitted to the integers that the row has: they are numbers of 11 bits, where an integer has four, and
// so can follow an update that is much finer than the grid.
#pragma once

#include <cstdint>
#include <vector>

#include "export/block-format.hpp"
#include "export/second-moments.hpp"

namespace forja {

struct fit_scratch {
    std::vector<float>   by_d, by_m, products, block, errors, left;
    std::vector<double>  normal, factor, right, moved, gradient, start, now, near_by, missed;
    std::vector<uint8_t> bytes;
};

/// Changes the scales within blocks, where there are some, and then d (and m) of those blocks of n_rows rows that lie in the part of the columns of `moments`, so that (w - v) H (w - v)^T gets
/// as small as it can by the moments' sketch, each rounded to what can be stored as the others leave it best. Scales within blocks are whole
/// numbers of six or eight bits, so that their steps cost as much as an integer's: they are moved where that gains.
/// @param error w - v, n_rows rows of the part's columns in the inputs' own order; a block must lie in one part
/// @param rows the whole rows' bytes, row_bytes apart
void fit_factors(const block_format & format, const second_moments & moments, const float * error, int64_t n_rows, uint8_t * rows, size_t row_bytes, fit_scratch & scratch);

} // namespace forja
