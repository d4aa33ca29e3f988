#include "train/row-order.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/hash.hpp"
#include "base/random.hpp"
#include "train/engine.hpp"

namespace forja {

row_set::row_set(std::shared_ptr<token_file> file, int max_seq_len) : file_(std::move(file)), max_seq_len_(max_seq_len) {
    for (uint64_t i = 0; i < file_->n_rows(); i++) {
        const token_row row  = file_->row_unchecked(i);
        bool            useful = row.n_supervised > 0;
        if (row.n_tokens > (uint32_t) max_seq_len_) {
            truncated_++;
            useful = useful && std::any_of(row.tokens + 1, row.tokens + max_seq_len_, [](uint32_t w) { return is_supervised(w); });
        }
        if (useful) {
            rows_.push_back((uint32_t) i);
            lengths_.push_back(std::min(row.n_tokens, (uint32_t) max_seq_len_));
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
        const uint64_t of_row = file_->row_unchecked(row).row_hash;
        hash                  = fnv1a(&of_row, sizeof(of_row), hash);
    }
    return hash;
}

void row_set::append(micro_batch & mb, int64_t i) const {
    const token_row row = file_->row(rows_[i]);
    append_row(mb, row.tokens, row.n_tokens, max_seq_len_, rows_[i]);
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
