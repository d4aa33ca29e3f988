// Attention on devices other than the CPU, out of ggml's own operations, in tiles of queries: what grows with the square of a
// row's length is never in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/ops.hpp"

namespace forja {

/// Queries `first` .. `first + n` of a row, and keys `key_first` .. `first + n`: all that any of them sees, and of a window up to 63
/// more.
struct query_tile {
    int64_t first = 0, n = 0, key_first = 0;

    int64_t end() const { return first + n; }
    int64_t n_keys() const { return end() - key_first; }
    int64_t n_before() const { return first - key_first; } // keys before the tile's first query
};

/// The tiles of a row of `length` tokens, `rows` queries each but for the last. n_swa as in attention_settings.
std::vector<query_tile> query_tiles(int64_t length, int64_t rows, int n_swa);

/// Queries that a tile may have, so that the scores of all heads over the longest row take no more than score_bytes in F32; at most
/// 256, which is enough work for a device, and at least 16. The same for all rows of a run, so that a shorter row never needs more
/// memory than the longest one.
int64_t query_tile_rows(int64_t n_head, int64_t longest_row, int64_t score_bytes);

/// attention() on a device. Backward computes each tile's probabilities again, from q and k.
var device_attention(tape & t, batch_inputs & in, var q, var k, var v, const attention_settings & s, ggml_tensor * sinks = nullptr);

} // namespace forja
