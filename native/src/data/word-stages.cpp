#include "data/word-stages.hpp"

#include <algorithm>

#include "data/char-reader.hpp"

namespace forja {

namespace {

/// Punctuation and, of ASCII, all other signs, but for the grave accent where it is left out.
struct signs_end {
    bool with_grave;
    bool operator()(uint8_t c, uint32_t code) const {
        return (c & char_punctuation) != 0 || (code < 0x80 && (c & char_symbol) != 0 && (with_grave || code != '`'));
    }
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A run of numbers that begins at `begin`, and a space before it where `from` is less, cut by [0-9][0-9][0-9]: the end of its first
/// part. Looks no further than that, or a long run would be walked over once for each of its parts.
size_t numbers_by_three(const char_reader<signs_end> & r, std::string_view text, size_t from, size_t begin) {
    int digits = 0;
    for (size_t at = begin;;) {
        if ((r.class_at(at) & char_number) == 0) {
            return at;
        }
        digits = is_digit(text[at]) ? digits + 1 : 0;
        at     = r.after(at);
        if (digits == 3) {
            return at - 3 > from ? at - 3 : at;
        }
    }
}

size_t falcon_stages(std::string_view text, size_t from, bool with_grave, bool numbers_apart) {
    const signs_end   is_sign{with_grave};
    const char_reader all(text);
    const char_reader r(text, is_sign);
    if (r.class_at(from) == 0) { // a run of signs
        size_t end = from;
        while (end < text.size() && is_sign(all.class_at(end), all.code_at(end))) {
            end = all.after(end);
        }
        return end;
    }
    const size_t begin = r.is(from, ' ') ? from + 1 : from;
    if ((r.class_at(begin) & char_number) != 0) { // of GPT-2's words the only ones that hold digits
        return numbers_apart && begin > from ? begin : numbers_by_three(r, text, from, begin);
    }
    return gpt2_word(r, from);
}

} // namespace

size_t plain_bpe_word(std::string_view text, size_t from) { return falcon_stages(text, from, false, true); }

size_t falcon_word(std::string_view text, size_t from) { return falcon_stages(text, from, true, false); }

size_t deepseek_coder_word(std::string_view text, size_t from) {
    const char_reader r(text);
    if (r.is_line_end(from)) {
        return from + 1;
    }
    const auto is_eastern = [&](size_t at) {
        const uint32_t code = r.code_at(at);
        return ((code >= 0x800 && code <= 0x9FA5) || (code >= 0xAC00 && code <= 0xD7FF)) && (r.class_at(at) & char_space) == 0;
    };
    // Letters, or punctuation, with a white space before them; those of East Asia are then set apart.
    const size_t second = r.after(from);
    const bool   spaced = (r.class_at(from) & char_space) != 0;
    for (const uint8_t bit : {char_letter, char_punctuation}) {
        if ((r.class_at(spaced ? second : from) & bit) == 0) {
            continue;
        }
        if (spaced && is_eastern(second)) {
            return second;
        }
        size_t     end     = spaced ? second : from;
        const bool eastern = is_eastern(end);
        while ((r.class_at(end) & bit) != 0 && is_eastern(end) == eastern) {
            end = r.after(end);
        }
        return end;
    }
    // What is left lies between such words: numbers one by one, signs of East Asia in a row, all others in a row.
    constexpr uint8_t word  = char_letter | char_punctuation;
    const bool        eastern = is_eastern(from);
    if ((r.class_at(from) & char_number) != 0) {
        return second;
    }
    size_t end = second;
    for (uint8_t c; (c = r.class_at(end)) != 0 && (c & (word | char_number)) == 0 && !r.is_line_end(end) && is_eastern(end) == eastern; end = r.after(end)) {
        if ((c & char_space) != 0 && (r.class_at(r.after(end)) & word) != 0) {
            break;
        }
    }
    return end;
}

size_t deepseek_v3_word(std::string_view text, size_t from) {
    const char_reader all(text);
    if ((all.class_at(from) & char_number) != 0) {
        size_t end = all.after(from);
        for (int n = 1; n < 3 && (all.class_at(end) & char_number) != 0; ++n) {
            end = all.after(end);
        }
        return end;
    }
    const auto is_eastern = [](uint32_t code) { return (code >= 0x4E00 && code <= 0x9FA5) || (code >= 0x3040 && code <= 0x30FF); };
    // Eastern or not: the text ends where that changes, and at a number.
    const auto ends = [is_eastern, eastern = is_eastern(all.code_at(from))](uint8_t c, uint32_t code) {
        return (c & char_number) != 0 || is_eastern(code) != eastern;
    };
    const char_reader r(text, ends);
    constexpr uint8_t letters = char_letter | char_mark, signs = char_punctuation | char_symbol;
    const uint8_t     c       = r.class_at(from);
    const size_t      second  = r.after(from);
    if (static_cast<uint8_t>(text[from]) < 0x80 && (c & signs) != 0) {
        const auto is_ascii_letter = [&](size_t at) { return at < text.size() && static_cast<uint8_t>(text[at]) < 0x80 && (r.class_at(at) & char_letter) != 0; };
        size_t     end             = second;
        while (is_ascii_letter(end)) {
            ++end;
        }
        if (end > second) {
            return end;
        }
    }
    if ((c & letters) != 0) {
        return r.run(from, letters);
    }
    if (!r.is_line_end(from) && (c & signs) == 0 && (r.class_at(second) & letters) != 0) {
        return r.run(second, letters);
    }
    const size_t begin = r.is(from, ' ') ? second : from;
    if ((r.class_at(begin) & signs) != 0) {
        size_t end = r.run(begin, signs);
        while (r.is_line_end(end) && r.class_at(end) != 0) {
            ++end;
        }
        return end;
    }
    if ((c & char_space) != 0) {
        return r.line_ends_or_space(from);
    }
    // Characters that no pattern takes, up to one that some does.
    size_t end = second;
    while (r.class_at(end) == char_any && (r.class_at(r.after(end)) & letters) == 0) {
        end = r.after(end);
    }
    return end;
}

} // namespace forja
