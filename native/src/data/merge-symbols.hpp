// Joining neighbours, the best pair first and the leftmost of equals, until no pair can be joined: the heart of byte-level BPE
// and of SentencePiece's pieces alike.
#pragma once

#include <cstdint>
#include <limits>
#include <queue>
#include <vector>

namespace forja {

/// A stretch of a word that is one token so far.
struct symbol {
    uint32_t begin, size;
    int32_t  id;
};

/// What two neighbours would become, and how soon: larger first.
struct joined {
    float   priority;
    int32_t id;
};

inline constexpr joined no_pair{-std::numeric_limits<float>::infinity(), -1};

/// Room that one thread reuses for every word.
struct merge_room {
    std::vector<symbol>  symbols;
    std::vector<joined>  pairs;
    std::vector<int32_t> previous, next;
};

namespace detail {

/// Few symbols: the best pair is looked for in all of them each time, in two arrays that fit in the cache.
template <typename First, typename Expect, typename Join>
void merge_few(merge_room & room, const First & first, const Expect & expect, const Join & join) {
    auto & s     = room.symbols;
    auto & pairs = room.pairs;
    size_t n     = s.size();
    pairs.resize(n);
    for (size_t i = 0; i + 1 < n; ++i) {
        pairs[i] = first(s[i], s[i + 1]);
    }
    while (n > 1) {
        size_t best = 0;
        float  top  = pairs[0].priority;
        for (size_t i = 1; i + 1 < n; ++i) {
            const bool is_better = pairs[i].priority > top;
            best                 = is_better ? i : best;
            top                  = is_better ? pairs[i].priority : top;
        }
        if (top == no_pair.priority) {
            break;
        }
        s[best].size += s[best + 1].size;
        s[best].id = pairs[best].id;
        // Both answers are on their way while what is behind moves up.
        if (best + 2 < n) {
            expect(s[best], s[best + 2]);
        }
        if (best > 0) {
            expect(s[best - 1], s[best]);
        }
        --n;
        for (size_t i = best + 1; i < n; ++i) {
            s[i]     = s[i + 1];
            pairs[i] = pairs[i + 1];
        }
        // Of the pair that was joined only the new neighbourhood is left to look at.
        pairs[best] = best + 1 < n ? join(s[best], s[best + 1]) : no_pair;
        if (best > 0) {
            pairs[best - 1] = join(s[best - 1], s[best]);
        }
    }
    s.resize(n);
}

/// Many symbols: a queue of pairs; those that a join has changed meanwhile are passed over.
template <typename First, typename Join> void merge_many(merge_room & room, const First & first, const Join & join) {
    struct entry {
        joined   pair;
        int32_t  left;
        uint32_t left_size, right_size; // as they were
        bool     operator<(const entry & o) const { return pair.priority < o.pair.priority || (pair.priority == o.pair.priority && left > o.left); }
    };
    auto &                     s = room.symbols;
    std::priority_queue<entry> queue;
    const auto                 n = static_cast<int32_t>(s.size());
    room.previous.resize(s.size());
    room.next.resize(s.size());
    const auto look = [&](int32_t left, const auto & ask) {
        const int32_t right = left >= 0 ? room.next[left] : n;
        if (right < n) {
            const joined pair = ask(s[left], s[right]);
            if (pair.priority != no_pair.priority) {
                queue.push({pair, left, s[left].size, s[right].size});
            }
        }
    };
    for (int32_t i = 0; i < n; ++i) {
        room.previous[i] = i - 1;
        room.next[i]     = i + 1;
    }
    for (int32_t i = 0; i + 1 < n; ++i) {
        look(i, first);
    }
    while (!queue.empty()) {
        const entry e = queue.top();
        queue.pop();
        const int32_t right = room.next[e.left];
        if (s[e.left].size != e.left_size || right >= n || s[right].size != e.right_size) {
            continue;
        }
        s[e.left].size += s[right].size;
        s[e.left].id      = e.pair.id;
        s[right].size     = 0;
        room.next[e.left] = room.next[right];
        if (room.next[right] < n) {
            room.previous[room.next[right]] = e.left;
        }
        look(room.previous[e.left], join);
        look(e.left, join);
    }
    std::erase_if(s, [](const symbol & one) { return one.size == 0; });
}

} // namespace detail

/// Joins room.symbols. join(left, right) answers no_pair for two that can't be joined; first(left, right) answers the same for two of the
/// symbols that come in, of which much may be known beforehand; expect(left, right) says that join() will soon be asked.
template <typename First, typename Expect, typename Join>
void merge_symbols(merge_room & room, const First & first, const Expect & expect, const Join & join) {
    constexpr size_t few = 48; // beyond, the queue is faster
    if (room.symbols.size() <= few) {
        detail::merge_few(room, first, expect, join);
    } else {
        detail::merge_many(room, first, join);
    }
}

} // namespace forja
