// How attention is cut into tiles and tasks: a function of the shape only, shared by all instruction sets.
#pragma once

#include "ops/cpu/kernels.hpp"
#include "ops/cpu/scratch.hpp"

namespace forja::cpu {

constexpr int64_t KEY_TILE          = 64;
constexpr int64_t MAX_KEYS_TOGETHER = 4;

/// The query heads that share one key/value head are rows of the same tile, so that a packed key tile serves all of
/// them. Row i of a tile is query first + i / heads_per_kv, head i % heads_per_kv of the group.
struct attention_plan {
    int64_t heads_per_kv;
    int64_t queries_per_tile;
    int64_t rows_per_tile; // queries_per_tile * heads_per_kv
    int64_t head_dim_padded;
    int64_t keys_together; // backward: key tiles that are worked on together, so that a query tile is packed once for them
    int64_t n_chunks;      // backward: the key tiles of a sequence go to this many tasks for each key/value head

    explicit attention_plan(const attention_shape & shape);

    /// Backward: k, k and v transposed, dk, dv of one key tile.
    int64_t key_tile_floats() const { return 5 * KEY_TILE * head_dim_padded; }
};

/// The index in a sequence of the `round`-th key tile of a chunk: back and forth, so that with a causal mask, where
/// early keys are seen by more queries, all chunks cost about the same.
inline int64_t chunk_tile(int64_t n_chunks, int64_t chunk, int64_t round) {
    return round * n_chunks + (round % 2 ? n_chunks - 1 - chunk : chunk);
}

/// Which of the tasks 0, 1, … a thread does, in rising order: from the queue, or a fixed split (back and forth, for
/// tasks in order of falling cost) where there is none.
class task_taker {
  public:
    task_taker(work_queue * queue, int64_t n_tasks, int ith, int nth);
    int64_t wanted() const { return task; } // >= n_tasks: nothing left
    void    take_next();

  private:
    work_queue * queue;
    int64_t      n_tasks, task, round = 0;
    int          ith, nth;
};

} // namespace forja::cpu
