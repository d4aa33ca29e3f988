#include "train/split.hpp"

namespace forja {

micro_batch rows_of_batch(const micro_batch & mb, int first, int last) {
    const int32_t from = mb.seq_start[first], to = mb.seq_start[last];
    micro_batch   out;
    out.tokens.assign(mb.tokens.begin() + from, mb.tokens.begin() + to);
    out.positions.assign(mb.positions.begin() + from, mb.positions.begin() + to);
    for (int i = first; i <= last; i++) {
        out.seq_start.push_back(mb.seq_start[i] - from);
    }
    for (size_t i = 0; i < mb.labels.size(); i++) {
        if (mb.sup_index[i] >= from && mb.sup_index[i] < to) {
            out.sup_index.push_back(mb.sup_index[i] - from);
            out.labels.push_back(mb.labels[i]);
        }
    }
    return out;
}

std::vector<micro_batch> split_batch(const micro_batch & mb, int64_t max_tokens) {
    std::vector<micro_batch> out;
    for (int first = 0; first < mb.n_seq();) {
        int last = first + 1;
        while (last < mb.n_seq() && mb.seq_start[last + 1] - mb.seq_start[first] <= max_tokens) {
            last++;
        }
        micro_batch piece = rows_of_batch(mb, first, last);
        if (!piece.labels.empty()) {
            out.push_back(std::move(piece));
        }
        first = last;
    }
    return out;
}

} // namespace forja
