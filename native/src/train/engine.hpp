// The training step's mathematics: loss and gradients of one micro-batch, one block at a time.
//
// Forward keeps each block's input, or every few blocks' (input_slots), and, as far as the activation budget goes, expensive inner
// values. Backward takes the blocks in reverse: reads back or recomputes a block's values and walks its tape. Only the hidden states of supervised
// tokens go through the output head, some rows at a time. Backward stops below the lowest adapted block.
//
// Where memory is limited (a GPU's own, or a limit that is set), the engine plans before it computes: how many tokens a
// micro-batch may have, which weights stay, what is kept. Whoever makes micro-batches asks pass_tokens(). No plan changes a loss or
// gradient but by the order of sums, and one that only streams weights not even that.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/progress.hpp"
#include "model/model.hpp"
#include "ops/ops.hpp"
#include "peft/method.hpp"
#include "train/input-slots.hpp"
#include "train/memory-plan.hpp"
#include "train/output-head.hpp"

namespace forja {

struct block_pass;

/// Sum of the losses of supervised tokens, in nats.
struct batch_loss {
    double             nats     = 0;
    int64_t            n_tokens = 0; // supervised
    std::vector<float> token_nats;   // of each, in the micro-batch's order
};

/// Turns the loss of each supervised token of a micro-batch into the share that its gradient has in the step's.
using token_weights_fn = std::function<std::vector<float>(const std::vector<float> & token_nats)>;

class engine {
  public:
    struct options {
        precision prec                      = precision::fast;
        int64_t   max_tokens                = 512; // of a micro-batch, where memory allows
        int64_t   max_row_tokens            = 0;   // of one row; 0: as max_tokens
        int64_t   activation_budget_bytes   = -1;  // -1: what suits the machine, 0: recompute everything
        int       input_stride              = 0;   // see input_slots; 0: the smallest that memory allows
        int64_t   device_memory_limit_bytes = 0;   // of all that the engine and its adapter allocate on the device; 0: what is free
        int64_t   slab_bytes                = 256ll << 20; // see graph_runner: an 8B layer in one piece, else its parts are added up
        int64_t   score_bytes               = 64ll << 20; // see query_tile_rows
        int64_t   logits_bytes              = -1;  // see output_head; -1: what suits the machine
        bool      training                  = true;
    };

    /// @param tuning may be null: the base alone (not for training). Both must outlive the engine.
    /// @throws failure device_out_of_memory when not even one row at a time fits
    engine(std::shared_ptr<model> base, method * tuning, const options & o);

    /// Tokens that a micro-batch may have: max_tokens, or what memory holds, but at least a row of max_row_tokens.
    int64_t pass_tokens() const { return plan_.pass_tokens > 0 ? plan_.pass_tokens : o_.max_tokens; }

    /// Loss only.
    batch_loss evaluate(const micro_batch & mb);

    /// Loss, and grad_scale times the gradient of its sum added to the method's gradients.
    /// @param dropout_key differs for each step; the same key gives a row the same dropout, whichever pass it lies in
    batch_loss accumulate_gradients(const micro_batch & mb, float grad_scale, uint64_t dropout_key);

    /// The same where the loss is not a plain sum: the head runs forward, `weigh` says what each token's gradient counts, and the head
    /// runs again with its backward pass. Needs no more memory than the plain sum.
    batch_loss accumulate_gradients(const micro_batch & mb, const token_weights_fn & weigh, float grad_scale, uint64_t dropout_key);

    /// Logits of every position, [n_vocab, T]. For tests and comparisons: memory grows with T.
    std::vector<float> logits(const micro_batch & mb);

    graph_runner & runner() { return runner_; }
    model &        base() { return *base_; }

    /// What was decided about the device's memory; all zero where it was not limited.
    const memory_plan & plan() const { return plan_; }
    /// What of it a person should know: less than max_tokens at a time, weights that are streamed.
    std::vector<warning> warnings() const;

    /// Device memory of activations: block inputs, kept values and the compute buffer.
    size_t activation_bytes() const;
    /// Device memory of all: weights (none on the CPU, where they stay in the file), adapter, activations.
    size_t device_bytes() const;

    /// Builds the graphs of a training step, one of each kind of block, and shows them; nothing runs.
    void look(const micro_batch & mb, const std::function<void(graph &)> & visit);

  private:
    // The blocks from `first` on keep their inner values, `bytes` each.
    struct kept_blocks {
        int    first = 0;
        size_t bytes = 0;
    };

    ggml_tensor * hidden(graph & g, int slot, int64_t T) const;      // leaf [n_embd, T] over a stored block input
    ggml_tensor * hidden_grad(graph & g, int slot, int64_t T) const; // leaf [n_embd, T], slot 0 or 1
    void          embed(const micro_batch & mb, double noise, uint64_t key);
    void          add_forward(block_pass & p, int il, uint64_t key);
    void          add_backward(block_pass & p, int il, uint64_t key, int grad_slot);
    void          run_block(graph & g, int il, int next_il);
    void          run_forward(const micro_batch & mb, int il, bool training, uint64_t key, const kept_blocks & kept, int next_il);
    void          forward(const micro_batch & mb, bool training, uint64_t key, const kept_blocks & kept);
    head_memory   head_memory_of(int64_t T, bool with_grad, int grad_slot) const;
    size_t        measure_kept(const micro_batch & mb);
    kept_blocks   keep_blocks(const micro_batch & mb);
    void          load_or_store(block_pass & p, int il, const kept_blocks & kept, bool store) const;

    void                     plan_memory_use();
    bool                     allocate(const memory_plan & p);
    size_t                   measure_activations(int64_t tokens, int64_t slab_rows);
    size_t                   hidden_bytes(int64_t tokens, int input_stride) const;
    int                      longest_stride() const;
    void                     look(const micro_batch & mb, int64_t slab_rows, const std::function<void(graph &)> & visit);

    std::shared_ptr<model>  base_;
    method *                tuning_;
    options                 o_;
    graph_runner            runner_;
    output_head             head_;
    memory_plan             plan_;
    int                     lowest_; // first block whose input must be stored
    input_slots             slots_;
    ggml_backend_buffer_ptr hidden_buffer_, grad_buffer_, kept_buffer_;
    size_t                  slot_bytes_ = 0, kept_budget_ = 0;
    bool                    keep_bf16_  = false;
};

/// A micro-batch of whole token rows (ids with the supervised bit of the token file). Rows longer than max_seq_len are cut at
/// the end. Returns false, leaving mb as it was, when nothing in the row is supervised after the cut.
/// @param row_id tells the rows of a step apart, for dropout
bool append_row(micro_batch & mb, const uint32_t * tokens, size_t n_tokens, int max_seq_len, uint64_t row_id = 0);

/// One sequence with every token supervised; for tests and benchmarks.
micro_batch single_sequence(const std::vector<int32_t> & tokens);

} // namespace forja
