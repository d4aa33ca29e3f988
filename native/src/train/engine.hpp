// The training step's mathematics: loss and gradients of one micro-batch, one block at a time.
//
// Forward keeps each block's input (and, as far as the activation budget goes, its expensive inner values). Backward takes
// the blocks in reverse: reads back or recomputes a block's values and walks its tape. Only the hidden states of supervised
// tokens go through the output head, some rows at a time. Backward stops below the lowest adapted block.
#pragma once

#include <memory>

#include "model/model.hpp"
#include "ops/ops.hpp"
#include "peft/method.hpp"

namespace forja {

/// Sum of the losses of supervised tokens, in nats.
struct batch_loss {
    double  nats     = 0;
    int64_t n_tokens = 0; // supervised
};

class engine {
  public:
    struct options {
        precision prec                    = precision::fast;
        int64_t   max_tokens              = 512; // of a micro-batch
        int64_t   activation_budget_bytes = -1;  // -1: the default budget, 0: recompute everything
        bool      training                = true;
    };

    /// @param tuning may be null: the base alone (not for training). Both must outlive the engine.
    engine(std::shared_ptr<model> base, method * tuning, const options & o);

    /// Loss only.
    batch_loss evaluate(const micro_batch & mb);

    /// Loss, and grad_scale times the gradient of its sum added to the method's gradients.
    /// @param dropout_key differs for each pass of each step; the same key gives the same dropout
    batch_loss accumulate_gradients(const micro_batch & mb, float grad_scale, uint64_t dropout_key);

    /// Logits of every position, [n_vocab, T]. For tests and comparisons: memory grows with T.
    std::vector<float> logits(const micro_batch & mb);

    graph_runner & runner() { return runner_; }
    model &        base() { return *base_; }

    /// Device memory of activations: block inputs, kept values and the compute buffer.
    size_t activation_bytes() const;

  private:
    ggml_tensor * hidden(graph & g, int slot, int64_t T) const;     // leaf [n_embd, T] over a stored block input
    ggml_tensor * hidden_grad(graph & g, int slot, int64_t T) const; // leaf [n_embd, T], slot 0 or 1
    int           slot_of(int il) const;                             // where block il's input lies
    void          embed(const micro_batch & mb);
    void          run_block_forward(const micro_batch & mb, int il, bool training, uint64_t key, kept_values * kept);
    void          forward(const micro_batch & mb, bool training, uint64_t key, int first_kept, size_t bytes_per_block);
    batch_loss    head(const micro_batch & mb, bool with_grad, float grad_scale, int grad_slot);
    double        head_rows(const micro_batch & mb, int64_t first, int64_t n, bool with_grad, float grad_scale, int grad_slot);
    size_t        measure_kept(const micro_batch & mb);

    std::shared_ptr<model>  base_;
    method *                tuning_;
    options                 o_;
    graph_runner            runner_;
    int                     lowest_; // first block whose input must be stored
    ggml_backend_buffer_ptr hidden_buffer_, grad_buffer_, kept_buffer_;
    size_t                  slot_bytes_ = 0, kept_budget_ = 0;
    bool                    keep_bf16_  = false;
};

/// A micro-batch of whole token rows (ids with the supervised bit of the token file). Rows longer than max_seq_len are cut at
/// the end. Returns false, leaving mb as it was, when nothing in the row is supervised after the cut.
bool append_row(micro_batch & mb, const uint32_t * tokens, size_t n_tokens, int max_seq_len);

/// One sequence with every token supervised; for tests and benchmarks.
micro_batch single_sequence(const std::vector<int32_t> & tokens);

} // namespace forja
