// Tokens of words seen before: most of a text is words that came before, and looking one up takes a few nanoseconds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/large-pages.hpp"
#include "base/prefetch.hpp"
#include "data/merge-symbols.hpp"
#include "data/short-text.hpp"
#include "data/special-tokens.hpp"
#include "data/text-table.hpp"

namespace forja {

/// Room for a row: its text, where that is literal and where what is learnt begins or ends, its tokens and how many lie before each
/// border.
struct row_room {
    std::string             text;
    std::vector<int32_t>    tokens;
    std::vector<text_range> literal;
    std::vector<size_t>     borders, places;
};

/// For one tokenizer and one thread.
class word_cache {
  public:
    static constexpr size_t max_word_bytes = 64; // longer ones are not kept

    word_cache() : lines_(large_table<line>(size_t{1} << line_bits)) {}

    /// A word to be looked up.
    struct wanted {
        std::string_view word;
        short_text       bytes; // of a short one, and its line
        size_t           line;
    };

    /// Gets ready to look up the word at [from, from + size) of a text: what will be read is asked for now, because the memory takes as
    /// long to answer as several words take to be cut out.
    wanted want(std::string_view text, size_t from, size_t size) const {
        wanted w{text.substr(from, size), {}, 0};
        if (size <= short_text::max_bytes) {
            w.bytes = short_text::read(text, from, size);
            w.line  = static_cast<size_t>(w.bytes.hash() >> (64 - line_bits));
            prefetch(&lines_[w.line]);
        }
        return w;
    }

    /// Appends the tokens of a word if they are known. out has room for most_at_once more at `at`, which is moved behind them.
    bool find(const wanted & w, int32_t * out, size_t & at) const {
        if (w.word.size() > short_text::max_bytes) {
            return find_long(w.word, out, at);
        }
        for (const entry & e : lines_[w.line].entries) {
            if (e.word == w.bytes) {
                std::memcpy(out + at, e.tokens, sizeof(e.tokens));
                at += static_cast<size_t>(1 + (e.tokens[1] >= 0) + (e.tokens[2] >= 0) + (e.tokens[3] >= 0));
                return true;
            }
        }
        return has_many_ && find_long(w.word, out, at);
    }

    /// Keeps the tokens of a word that isn't there yet.
    void put(const wanted & w, std::span<const int32_t> tokens) {
        const bool is_short = w.word.size() <= short_text::max_bytes;
        if (is_short && !tokens.empty() && tokens.size() <= short_tokens) {
            line & l = lines_[w.line];
            // The newest comes first, and the oldest of the line leaves.
            l.entries[1] = std::exchange(l.entries[0], {w.bytes, {-1, -1, -1, -1}});
            std::copy(tokens.begin(), tokens.end(), l.entries[0].tokens);
        } else if (w.word.size() <= max_word_bytes && tokens.size() <= most_at_once) {
            put_long(w.word, tokens);
            has_many_ = has_many_ || is_short;
        }
    }

    /// More tokens than a word that is kept can have.
    static constexpr size_t most_at_once = 3 * max_word_bytes;

    /// Room for those who make the tokens.
    merge_room           room;
    mark_room            marks;
    row_room             row;
    std::string          text, escaped;
    std::vector<int32_t> made;

  private:
    // Short words, which nearly all are, lie with their tokens in lines of 64 bytes, two in each: one look-up, one line of the
    // processor's own cache.
    static constexpr size_t short_tokens = 4, line_bits = 15; // 2 MB
    struct entry {
        short_text word;
        int32_t    tokens[short_tokens]{}; // -1 behind the last
    };
    struct alignas(64) line {
        entry entries[2];
    };
    static_assert(sizeof(line) == 64);

    bool find_long(std::string_view word, int32_t * out, size_t & at) const {
        const uint32_t number = words_.find(word);
        if (number == text_table::none) {
            return false;
        }
        const uint32_t from = number == 0 ? 0 : ends_[number - 1];
        std::copy(tokens_.begin() + from, tokens_.begin() + ends_[number], out + at);
        at += ends_[number] - from;
        return true;
    }

    void put_long(std::string_view word, std::span<const int32_t> tokens) {
        if (words_.size() >= max_long) { // full, it starts anew: the common words are soon back
            words_.clear();
            ends_.clear();
            tokens_.clear();
        }
        words_.add(word, text_table::of(word));
        tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
        ends_.push_back(static_cast<uint32_t>(tokens_.size()));
    }

    std::vector<line>       lines_;
    static constexpr size_t max_long  = 16000; // about 1 MB
    bool                    has_many_ = false; // a short word of many tokens is among the long ones
    text_table              words_{max_long};
    std::vector<uint32_t>   ends_; // of each word's tokens in tokens_
    std::vector<int32_t>    tokens_;
};

} // namespace forja
