// A micro-batch in pieces. Rows do not see each other and the loss is a sum, so the pieces' losses and gradients add up to the
// whole's.
#pragma once

#include <vector>

#include "ops/ops.hpp"

namespace forja {

/// Rows first .. last of a micro-batch, last not included.
micro_batch rows_of_batch(const micro_batch & mb, int first, int last);

/// Whole rows in order, as many a piece as fit into max_tokens; a longer row is a piece of its own. Pieces in which nothing is
/// supervised are left out.
std::vector<micro_batch> split_batch(const micro_batch & mb, int64_t max_tokens);

} // namespace forja
