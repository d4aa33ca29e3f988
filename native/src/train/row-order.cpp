#include "train/row-order.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/hash.hpp"
#include "base/random.hpp"
#include "train/engine.hpp"

namespace forja {

row_set::row_set(std::shared_ptr<token_file> file, int max_seq_len) : file_(std::move(file)), max_seq_len_(max_seq_len) {
    const auto used = [&](const token_row & row) { return std::min(row.n_tokens, (uint32_t) max_seq_len_); };
    for (uint64_t i = 0; i < file_->n_rows(); i += (uint64_t) group_size()) {
        bool     useful = true, truncated = false;
        uint32_t length = 0, longest = 0;
        for (uint64_t k = i; k < i + (uint64_t) group_size(); k++) {
            const token_row row = file_->row_unchecked(k);
            useful              = useful && row.n_supervised > 0;
            if (row.n_tokens > (uint32_t) max_seq_len_) {
                truncated = true;
                useful    = useful && std::any_of(row.tokens + 1, row.tokens + max_seq_len_, [](uint32_t w) { return is_supervised(w); });
            }
            length += used(row);
            longest = std::max(longest, used(row));
        }
        if (useful && group_size() == 2) {
            const token_row chosen = file_->row_unchecked(i), rejected = file_->row_unchecked(i + 1);
            useful = !std::equal(chosen.tokens, chosen.tokens + used(chosen), rejected.tokens, rejected.tokens + used(rejected));
        }
        truncated_ += truncated ? 1 : 0;
        if (useful) {
            rows_.push_back((uint32_t) i);
            lengths_.push_back(length);
            longest_ = std::max<int64_t>(longest_, longest);
        } else {
            skipped_++;
        }
    }
}

int64_t row_set::most_tokens(int64_t n) const {
    std::vector<uint32_t> lengths = lengths_;
    const size_t          k = (size_t) std::min<int64_t>(n, count());
    std::partial_sort(lengths.begin(), lengths.begin() + k, lengths.end(), std::greater<>());
    return std::accumulate(lengths.begin(), lengths.begin() + k, int64_t(0));
}

int64_t row_set::total_tokens() const {
    return std::accumulate(lengths_.begin(), lengths_.end(), int64_t(0));
}

uint64_t row_set::content_hash() const {
    uint64_t hash = fnv1a(&max_seq_len_, sizeof(max_seq_len_));
    for (uint32_t row : rows_) {
        for (int k = 0; k < group_size(); k++) {
            const uint64_t of_row = file_->row_unchecked(row + (uint64_t) k).row_hash;
            hash                  = fnv1a(&of_row, sizeof(of_row), hash);
        }
    }
    return hash;
}

void row_set::append(micro_batch & mb, int64_t i) const {
    for (int k = 0; k < group_size(); k++) {
        append_sequence(mb, rows_[i] + (uint64_t) k);
    }
}

void row_set::append_sequence(micro_batch & mb, uint64_t in_file) const {
    const token_row row = file_->row(in_file);
    append_row(mb, row.tokens, row.n_tokens, max_seq_len_, in_file);
}

namespace {

// Tokens before the first supervised one.
uint32_t prompt_tokens(const token_row & row) {
    return (uint32_t) (std::find_if(row.tokens, row.tokens + row.n_tokens, is_supervised) - row.tokens);
}

} // namespace

void row_set::append_mismatched(micro_batch & mb, int64_t i, int64_t j) const {
    const token_row       asked = file_->row(rows_[i]), answered = file_->row(rows_[j]);
    std::vector<uint32_t> words(asked.tokens, asked.tokens + prompt_tokens(asked));
    words.insert(words.end(), answered.tokens + prompt_tokens(answered), answered.tokens + answered.n_tokens);
    append_row(mb, words.data(), words.size(), max_seq_len_, rows_[i]);
}

int64_t row_set::most_mismatched_tokens() const {
    int64_t prompt = 0, answer = 0;
    for (uint32_t i : rows_) {
        const token_row row = file_->row_unchecked(i);
        prompt              = std::max<int64_t>(prompt, prompt_tokens(row));
        answer              = std::max<int64_t>(answer, row.n_tokens - prompt_tokens(row));
    }
    return std::min<int64_t>(prompt + answer, max_seq_len_);
}

int64_t pass_tokens(const row_set & rows, int64_t micro_batch_size, int64_t rows_per_step, int max_seq_len, bool on_cpu) {
    const int64_t wanted = std::min({micro_batch_size * max_seq_len, fast_pass_tokens, rows.most_tokens(rows_per_step)});
    return std::max(rows.most_tokens(on_cpu ? 1 : micro_batch_size), wanted);
}

std::vector<micro_batch> pack_passes(const row_set & rows, const std::vector<int64_t> & of_step, int64_t max_tokens) {
    std::vector<micro_batch> passes;
    for (int64_t row : of_step) {
        if (passes.empty() || passes.back().n_tokens() + rows.tokens_of(row) > max_tokens) {
            passes.emplace_back();
        }
        rows.append(passes.back(), row);
    }
    return passes;
}

int64_t row_order::at(int64_t epoch, int64_t position) {
    if (epoch != epoch_) {
        order_.resize(n_rows_);
        std::iota(order_.begin(), order_.end(), 0u);
        const uint64_t key = stream_key(seed_, 0x6f72646572, epoch);
        for (int64_t i = n_rows_ - 1; i > 0; i--) { // Fisher and Yates; the modulo's bias is below 2^-32
            std::swap(order_[i], order_[mix64(key + (uint64_t) i) % (uint64_t) (i + 1)]);
        }
        epoch_ = epoch;
    }
    return order_[position];
}

} // namespace forja
