// Which rows are learned from, and in what order: a shuffle of each epoch that depends on the seed and the epoch only, so a
// run can go on from any step with nothing remembered but the step's number.
#pragma once

#include <memory>
#include <vector>

#include "data/token-file.hpp"
#include "ops/ops.hpp"

namespace forja {

/// The rows of a token file that have something to learn within max_seq_len. In a file of pairs a row of the set is a group of two:
/// the chosen and the rejected answer, which stay together in every pass. A pair whose answers don't differ within max_seq_len, or
/// one of which is cut off whole, has nothing to learn.
class row_set {
  public:
    row_set(std::shared_ptr<token_file> file, int max_seq_len);

    row_kind kind() const { return file_->kind(); }
    int64_t count() const { return (int64_t) rows_.size(); }
    int64_t skipped_rows() const { return skipped_; }
    int64_t dataset_rows() const { return (int64_t) file_->n_dataset_rows(); } // to learn from in the dataset that this is a sample of; 0: it is all
    int64_t truncated_rows() const { return truncated_; }

    /// Sequences in a row of the set: 2 for pairs, else 1.
    int group_size() const { return kind() == row_kind::pairs ? 2 : 1; }

    /// Most tokens that any `n` rows can have together.
    int64_t most_tokens(int64_t n) const;

    /// Tokens of the longest sequence.
    int64_t longest_sequence() const { return longest_; }

    /// Tokens of all rows, as they are used.
    int64_t total_tokens() const;

    /// The same for the same tokens, cut alike, in the same order.
    uint64_t content_hash() const;

    /// Tokens that append() adds for row i of count().
    int64_t tokens_of(int64_t i) const { return lengths_[i]; }

    /// The number that row i of count() has in the dataset.
    uint64_t source_row(int64_t i) const { return file_->row_unchecked(rows_[i]).source_row; }

    /// What the person said of row i of a labelled file.
    bool desirable(int64_t i) const { return file_->row_unchecked(rows_[i]).desirable; }

    /// Appends row i of count() to the micro-batch; of a pair the chosen answer, then the rejected one.
    void append(micro_batch & mb, int64_t i) const;

    /// Appends only the first sequence of row i: the chosen answer of a pair.
    void append_first(micro_batch & mb, int64_t i) const { append_sequence(mb, rows_[i]); }

    /// Appends the prompt of row i with the answer of row j; an answer begins at the first supervised token.
    void append_mismatched(micro_batch & mb, int64_t i, int64_t j) const;

    /// Most tokens that append_mismatched() can add.
    int64_t most_mismatched_tokens() const;

  private:
    void append_sequence(micro_batch & mb, uint64_t in_file) const;

    std::shared_ptr<token_file> file_;
    int                         max_seq_len_;
    std::vector<uint32_t>       rows_;    // indices in the file, of a pair's first row
    std::vector<uint32_t>       lengths_; // tokens used of each
    int64_t                     skipped_ = 0, truncated_ = 0, longest_ = 0;
};

/// Tokens that a pass may have: those of the longest micro_batch_size rows; and where rows are shorter than max_seq_len, as many
/// more as keep a pass from being too short to be fast, within the memory that micro_batch_size rows of max_seq_len would need.
/// On the CPU a longer pass is no faster and only needs more memory, so there it is one row, or as many as make it fast.
int64_t pass_tokens(const row_set & rows, int64_t micro_batch_size, int64_t rows_per_step, int max_seq_len, bool on_cpu);

/// Cuts a step's rows, given in order, into passes: as many rows in each as fit into max_tokens, at least one. The rows of a pass
/// lie back to back and do not see each other, so that cutting changes no result but in rounding.
std::vector<micro_batch> pack_passes(const row_set & rows, const std::vector<int64_t> & of_step, int64_t max_tokens);

class row_order {
  public:
    row_order(int64_t n_rows, uint64_t seed) : n_rows_(n_rows), seed_(seed) {}

    /// The row at `position` of `epoch`. Cheap within one epoch; a new epoch is shuffled when first asked for.
    int64_t at(int64_t epoch, int64_t position);

  private:
    int64_t               n_rows_;
    uint64_t              seed_;
    int64_t               epoch_ = -1;
    std::vector<uint32_t> order_;
};

} // namespace forja
