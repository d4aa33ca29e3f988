// Tokens of words seen before. libllama tokenises 2 to 4 MB/s; most of a text is words that came before, and a look-up is many
// times as fast.
//
// A text may be cut before a single space, or before the line ends after a word, when nothing of the tokenizer reaches across:
// no token holds such a place, and, for byte-level BPE, the split into words that comes first begins a word there. Then the
// tokens of the whole are those of the parts, one after the other.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace forja {

/// Where a text may be cut for one vocabulary.
class cut_rule {
  public:
    /// @param lines also before line ends (byte-level BPE only)
    explicit cut_rule(bool lines);

    /// Takes out the cuts that a token would reach across. Spaces in token_text are written as they are. Nothing is cut right
    /// after a special token: what follows one may be tokenised otherwise than what follows a word.
    void forbid(std::string_view token_text, bool is_special);

    /// The first place to cut after `from`, or text.size().
    size_t next(std::string_view text, size_t from) const;

  private:
    bool                  may_end(std::string_view text, size_t end) const;
    std::array<bool, 256> before_space_{}; // by the last byte of what is before
    bool                  lines_;
};

/// For one thread. Two kinds of entry, because a text that begins a context may be tokenised otherwise than one that goes on.
class word_cache {
  public:
    /// nullptr when not there; valid until the next put().
    const std::vector<int32_t> * find(std::string_view word, bool begins) const;
    void                         put(std::string_view word, bool begins, const int32_t * tokens, size_t n_tokens);

    static constexpr size_t max_word_bytes = 64;

  private:
    struct hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    using table = std::unordered_map<std::string, std::vector<int32_t>, hash, std::equal_to<>>;
    table tables_[2];
};

} // namespace forja
