// The pieces of a SentencePiece vocabulary by their text. Most are short: those lie with all that is known of them in half a cache
// line, so that a look-up waits for the memory once; and a filter answers for most texts that are no piece.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/large-pages.hpp"
#include "data/bit-filter.hpp"
#include "data/merge-symbols.hpp"
#include "data/short-text.hpp"
#include "data/text-table.hpp"

namespace forja {

class piece_table {
  public:
    /// @param expected how many pieces there will be at most
    explicit piece_table(size_t expected = 0) : known_(expected), long_texts_(expected / 8) {
        size_t n = 16;
        while (n < 2 * expected) {
            n *= 2;
        }
        short_ = large_table<entry>(n);
    }

    /// A piece, in place of one with the same text. A text is not empty.
    void put(std::string_view text, joined piece) {
        if (text.size() <= short_text::max_bytes) {
            const short_text word = short_text::read(text, 0, text.size());
            short_[place_of(word)] = {word, piece};
            known_.add(word.hash());
            return;
        }
        const uint64_t hash   = text_table::of(text);
        const uint32_t number = long_texts_.number_of(text);
        long_pieces_.resize(long_texts_.size());
        long_pieces_[number] = piece;
        known_.add(hash);
    }

    /// The piece whose text is that at [from, from + size) of another one; no_pair where there is none.
    joined find(std::string_view in, size_t from, size_t size) const {
        if (size <= short_text::max_bytes) {
            const short_text word = short_text::read(in, from, size);
            return known_.may_hold(word.hash()) ? short_[place_of(word)].piece : no_pair;
        }
        const std::string_view text = in.substr(from, size);
        const uint64_t         hash = text_table::of(text);
        if (!known_.may_hold(hash)) {
            return no_pair;
        }
        const uint32_t number = long_texts_.find(text, hash);
        return number == text_table::none ? no_pair : long_pieces_[number];
    }

  private:
    struct entry {
        short_text text;
        joined     piece = no_pair;
        uint64_t   unused = 0; // so that none lies across two cache lines
    };
    static_assert(sizeof(entry) == 32);

    /// Where a text is, or the free place where it would be.
    size_t place_of(const short_text & text) const {
        size_t i = static_cast<size_t>(text.hash() >> 20) & (short_.size() - 1);
        while (!(short_[i].text == text) && short_[i].text.high != 0) {
            i = (i + 1) & (short_.size() - 1);
        }
        return i;
    }

    bit_filter          known_;
    std::vector<entry>  short_; // open addressing
    text_table          long_texts_;
    std::vector<joined> long_pieces_;
};

} // namespace forja
