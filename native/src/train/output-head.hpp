// The end of the network: the output norm, the output matrix and the loss, over supervised tokens only, some rows at a time.
// The full logits matrix never exists, and where the device can't hold the output matrix it comes slab by slab.
#pragma once

#include <functional>
#include <vector>

#include "model/model.hpp"
#include "ops/ops.hpp"

namespace forja {

/// Where the hidden states lie, [n_embd, T] each, as leaves of a graph.
struct head_memory {
    std::function<ggml_tensor *(graph &)> hidden;   // the last block's output
    std::function<ggml_tensor *(graph &)> d_hidden; // its gradient: rows of supervised tokens are written; null without gradients
};

class output_head {
  public:
    /// @param logits_bytes how much of the logits may be alive at a time, though at least 16 rows
    output_head(graph_runner & runner, const model & base, int64_t logits_bytes) : runner_(runner), base_(base), logits_bytes_(logits_bytes) {}

    /// Rows that are taken at a time, of n_all.
    int64_t rows_at_a_time(int64_t n_all) const;

    /// Device memory that slabs need beside them, for chunks of n_rows; allocate_scratch() allocates it. Nothing where the head is
    /// whole. @throws nothing; false where there is no memory
    size_t scratch_bytes(int64_t n_rows) const;
    bool   allocate_scratch(int64_t n_rows);
    size_t allocated_bytes() const { return scratch_ ? ggml_backend_buffer_get_size(scratch_.get()) : 0; }

    /// Sum of the losses in nats, and, where memory.d_hidden is, grad_scale times its gradient.
    /// @param weights the share of each supervised token in that sum's gradient, which may be negative; null: all 1
    /// @param token_nats receives the loss of each supervised token; may be null
    double run(const micro_batch & mb, const head_memory & memory, float grad_scale, const float * weights = nullptr, std::vector<float> * token_nats = nullptr);

    /// Builds the graphs that run() would, for one chunk, and shows them; nothing runs. `slabs` as the placement would have it.
    void look(const micro_batch & mb, const head_memory & memory, int64_t slab_rows, const std::function<void(graph &)> & visit);

  private:
    struct chunk; // what one chunk's graphs share
    // The loss of each of its tokens, in nats; empty when dry.
    std::vector<float> run_whole(const chunk & c, bool dry, const std::function<void(graph &)> & visit);
    std::vector<float> run_in_slabs(const chunk & c, bool dry, const std::function<void(graph &)> & visit);

    graph_runner &          runner_;
    const model &           base_;
    int64_t                 logits_bytes_;
    ggml_backend_buffer_ptr scratch_;
};

} // namespace forja
