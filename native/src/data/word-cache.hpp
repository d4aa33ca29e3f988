// Tokens of words seen before: most of a text is words that came before, and looking one up takes a few dozen nanoseconds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/merge-symbols.hpp"
#include "data/text-table.hpp"

namespace forja {

/// For one tokenizer and one thread.
class word_cache {
  public:
    static constexpr size_t max_word_bytes = 64;

    static uint64_t hash(std::string_view word) { return text_table::of(word); }

    /// Appends a word's tokens if they are known.
    bool find(std::string_view word, uint64_t hash, std::vector<int32_t> & out) const {
        const uint32_t number = words_.find(word, hash);
        if (number == text_table::none) {
            return false;
        }
        const uint32_t from = number == 0 ? 0 : ends_[number - 1];
        out.insert(out.end(), tokens_.begin() + from, tokens_.begin() + ends_[number]);
        return true;
    }

    /// Keeps the tokens of a word that isn't there yet and is no longer than max_word_bytes.
    void put(std::string_view word, uint64_t hash, std::span<const int32_t> tokens) {
        if (words_.size() >= max_words) { // full, it starts anew: the common words are soon back
            words_.clear();
            ends_.clear();
            tokens_.clear();
        }
        words_.add(word, hash);
        tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
        ends_.push_back(static_cast<uint32_t>(tokens_.size()));
    }

    /// Room for those who make the tokens.
    merge_room  room;
    std::string text, escaped;

  private:
    static constexpr size_t max_words = 60000; // about 3 MB
    text_table              words_{max_words};
    std::vector<uint32_t>   ends_; // of each word's tokens in tokens_
    std::vector<int32_t>    tokens_;
};

} // namespace forja
