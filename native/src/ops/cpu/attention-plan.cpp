#include "ops/cpu/attention-plan.hpp"

#include <algorithm>

namespace forja::cpu {

namespace {

constexpr int64_t ROWS_WANTED         = 96;               // enough to pay for packing a key tile; all tiles stay in L2
constexpr int64_t KEYS_TOGETHER_BYTES = int64_t(384) << 10; // of packed keys and their gradients: they stay in L2
constexpr int64_t BACKWARD_TASKS      = 16;               // for as many threads
constexpr int64_t MAX_CHUNKS          = 8;                // each one more than the first costs a partial dq
constexpr int64_t MAX_PARTIAL_BYTES   = int64_t(64) << 20;

} // namespace

attention_plan::attention_plan(const attention_shape & s) {
    heads_per_kv     = s.n_head / s.n_head_kv;
    queries_per_tile = std::max<int64_t>(1, ROWS_WANTED / heads_per_kv);
    rows_per_tile    = queries_per_tile * heads_per_kv;
    head_dim_padded  = padded(s.head_dim);
    keys_together    = std::clamp<int64_t>(KEYS_TOGETHER_BYTES / (key_tile_floats() * (int64_t) sizeof(float)), 1,
                                           MAX_KEYS_TOGETHER);

    int64_t longest = 0;
    for (int32_t i = 0; i < s.n_seq; ++i) {
        longest = std::max<int64_t>(longest, s.seq_start[i + 1] - s.seq_start[i]);
    }
    const int64_t tiles         = std::max<int64_t>(1, (longest + KEY_TILE - 1) / KEY_TILE);
    const int64_t tasks_of_one  = std::max<int64_t>(1, s.n_seq * s.n_head_kv);
    const int64_t partial_bytes = std::max<int64_t>(1, s.n_tokens * s.n_head * s.head_dim * (int64_t) sizeof(float));
    n_chunks                    = (BACKWARD_TASKS + tasks_of_one - 1) / tasks_of_one;
    n_chunks                    = std::min({n_chunks, MAX_CHUNKS, tiles, 1 + MAX_PARTIAL_BYTES / partial_bytes});
}

task_taker::task_taker(work_queue * queue_, int64_t n_tasks_, int ith_, int nth_)
    : queue(queue_), n_tasks(n_tasks_), task(ith_), ith(ith_), nth(nth_) {
    if (queue) {
        round = -1;
        take_next();
    }
}

void task_taker::take_next() {
    if (!queue) {
        ++round;
        task = round * nth + (round % 2 ? nth - 1 - ith : ith);
        return;
    }
    task = queue->next.fetch_add(1, std::memory_order_relaxed);
    // Each thread draws one ticket too many; the last of those leaves the queue ready for its next use.
    if (task == n_tasks + nth - 1) {
        queue->next.store(0, std::memory_order_relaxed);
    }
}

// Both sizes are for f32 products, or bf16 ones where those need more.
size_t attention_forward_scratch_bytes(const attention_shape & shape) {
    const attention_plan p(shape);
    const int64_t        d = p.head_dim_padded, rows = p.rows_per_tile;
    return scratch_bytes(2 * rows * d                    // q, out
                         + 2 * KEY_TILE * d              // k transposed, v
                         + rows * KEY_TILE               // probabilities
                         + rows * PAD_FLOATS             // sums
                         + 3 * padded(rows));            // maxima, two tables of rows
}

size_t attention_backward_scratch_bytes(const attention_shape & shape) {
    const attention_plan p(shape);
    const int64_t        d = p.head_dim_padded, rows = p.rows_per_tile + 1; // pairs of rows: one more when odd
    return scratch_bytes(3 * rows * d                    // q, d_out (once, or twice as pairs), dq
                         + p.keys_together * p.key_tile_floats()
                         + 5 * rows * KEY_TILE / 2       // probabilities, their gradients (pairs: in two orders)
                         + 4 * padded(rows)              // lse, sum of d_out * out, two tables of rows
                         + PAD_FLOATS);
}

size_t attention_backward_partial_bytes(const attention_shape & s) {
    return (size_t) ((attention_plan(s).n_chunks - 1) * s.n_tokens * s.n_head * s.head_dim) * sizeof(float);
}

} // namespace forja::cpu
