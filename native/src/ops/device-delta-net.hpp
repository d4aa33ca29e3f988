// Gated delta nets out of operations that devices have: products of matrices, chunk by chunk.
#pragma once

#include "ops/ops.hpp"

namespace forja {

/// Shapes as delta_net()'s.
var device_delta_net(tape & t, batch_inputs & in, var q, var k, var v, var gate, var beta, bool is_grouped);

} // namespace forja
