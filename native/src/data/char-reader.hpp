// Walking over the characters of a text by their classes. The text must be UTF-8.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/eight-bytes.hpp"
#include "data/unicode-classes.hpp"

namespace forja {

/// Where a text ends for a char_reader: nowhere before its end, or at any number.
struct never_ends {
    bool operator()(uint8_t, uint32_t) const { return false; }
};
struct numbers_end {
    bool operator()(uint8_t c, uint32_t) const { return (c & char_number) != 0; }
};

/// Walks over the characters of a text. Those for which ends(class, code point) is true are read as the text's end.
template <typename Ends = never_ends> class char_reader {
  public:
    explicit char_reader(std::string_view text, Ends ends = {}) : text_(text), ends_(ends) {}

    /// The class of the character at `at`; 0 at the end of the text.
    uint8_t class_at(size_t at) const {
        if (at >= text_.size()) {
            return 0;
        }
        const uint32_t code = code_at(at);
        const uint8_t  c    = classes_[code];
        return ends_(c, code) ? 0 : c;
    }

    /// The code point of the character at `at` < text.size().
    uint32_t code_at(size_t at) const {
        const auto * p = reinterpret_cast<const uint8_t *>(text_.data()) + at;
        if (p[0] < 0x80) {
            return p[0];
        }
        if (p[0] < 0xE0) {
            return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
        }
        if (p[0] < 0xF0) {
            return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
        }
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    }

    size_t after(size_t at) const {
        const auto first = static_cast<uint8_t>(text_[at]);
        return at + (first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4);
    }

    bool is(size_t at, char c) const { return at < text_.size() && text_[at] == c; }
    bool is_line_end(size_t at) const { return is(at, '\n') || is(at, '\r'); }

    /// Past all characters from `at` that have one of these bits.
    size_t run(size_t at, uint8_t bits) const {
        if ((bits & char_letter) != 0 && !ends_(classes_['a'], 'a')) {
            // Most are ASCII letters, and letters are what a word has most of.
            while (at + 8 <= text_.size()) {
                const size_t n = eight_bytes::before_first(~eight_bytes::ascii_letters(eight_bytes::read(text_.data() + at)) & eight_bytes::highest);
                at += n;
                if (n < 8) {
                    break;
                }
            }
        }
        while ((class_at(at) & bits) != 0) {
            at = after(at);
        }
        return at;
    }

    /// Past all characters from `at` that have none of these bits.
    size_t run_without(size_t at, uint8_t bits) const {
        for (uint8_t c; (c = class_at(at)) != 0 && (c & bits) == 0;) {
            at = after(at);
        }
        return at;
    }

    /// The end of 's, 't, 're, 've, 'm, 'll or 'd at `at`; `at` itself where none is.
    size_t contraction(size_t at, bool any_case) const {
        if (!is(at, '\'')) {
            return at;
        }
        const char a = letter(at + 1, any_case), b = letter(at + 2, any_case);
        if (a == 's' || a == 't' || a == 'm' || a == 'd') {
            return at + 2;
        }
        return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? at + 3 : at;
    }

    /// White space that begins at `at`, but for the last character where something follows that could take it along.
    size_t white_space(size_t at) const {
        size_t end = at, last = at;
        while ((class_at(end) & char_space) != 0) {
            last = end;
            end  = after(end);
        }
        return last > at && class_at(end) != 0 ? last : end;
    }

    /// What both newer patterns have after their words: up to max_digits digits, other characters with a space before them and line
    /// ends (and slashes) behind them, and white space up to its last line end.
    size_t no_letters(size_t from, uint8_t letters, int max_digits, bool slashes) const {
        const uint8_t c = class_at(from);
        if ((c & char_number) != 0) {
            size_t end = after(from);
            for (int n = 1; n < max_digits && (class_at(end) & char_number) != 0; ++n) {
                end = after(end);
            }
            return end;
        }
        const auto   others = static_cast<uint8_t>(char_space | letters | char_number);
        const size_t begin  = is(from, ' ') ? after(from) : from;
        if ((class_at(begin) & others) == 0) {
            size_t end = run_without(begin, others);
            while (is_line_end(end) || (slashes && is(end, '/'))) {
                ++end;
            }
            return end;
        }
        return line_ends_or_space(from);
    }

    /// White space up to its last line end; where it has none, as white_space().
    size_t line_ends_or_space(size_t from) const {
        size_t last_line = from;
        for (size_t at = from; (class_at(at) & char_space) != 0; at = after(at)) {
            last_line = is_line_end(at) ? at + 1 : last_line;
        }
        return last_line > from ? last_line : white_space(from);
    }

  private:
    char letter(size_t at, bool any_case) const {
        const char c = at < text_.size() ? text_[at] : '\0';
        return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }

    std::string_view text_;
    Ends             ends_;
    const uint8_t *  classes_ = char_classes();
};

/// The end of GPT-2's word that begins at `from`, where the text must not end.
/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
template <typename Ends> size_t gpt2_word(const char_reader<Ends> & r, size_t from) {
    if (const size_t end = r.contraction(from, false); end > from) {
        return end;
    }
    const size_t  begin = r.is(from, ' ') ? from + 1 : from;
    const uint8_t c     = r.class_at(begin);
    for (const uint8_t bit : {char_letter, char_number}) {
        if ((c & bit) != 0) {
            return r.run(begin, bit);
        }
    }
    if (c != 0 && (c & char_space) == 0) {
        return r.run_without(begin, char_space | char_letter | char_number);
    }
    return r.white_space(from);
}

} // namespace forja
