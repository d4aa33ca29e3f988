#include "data/word-splitter.hpp"

#include <map>

#include "data/unicode-classes.hpp"

namespace forja {

namespace {

/// Walks over the characters of a text.
class reader {
  public:
    reader(std::string_view text, bool digits_end) : text_(text), digits_end_(digits_end) {}

    /// The class of the character at `at`; 0 at the end of the text. With digits_end, a digit ends it.
    uint8_t class_at(size_t at) const {
        if (at >= text_.size()) {
            return 0;
        }
        const uint8_t c = classes_[code_at(at)];
        return digits_end_ && (c & char_number) != 0 ? 0 : c;
    }

    size_t after(size_t at) const {
        const auto first = static_cast<uint8_t>(text_[at]);
        return at + (first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4);
    }

    bool is(size_t at, char c) const { return at < text_.size() && text_[at] == c; }
    bool is_line_end(size_t at) const { return is(at, '\n') || is(at, '\r'); }

    /// Past all characters from `at` that have one of these bits.
    size_t run(size_t at, uint8_t bits) const {
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

    std::string_view text_;
    bool             digits_end_;
    const uint8_t *  classes_ = char_classes();
};

} // namespace

std::optional<word_splitter> word_splitter::find(const std::string & pre) {
    const word_splitter gpt2(pattern::gpt2, false, 0, false, false), gpt2_digits(pattern::gpt2, true, 0, false, false),
        llama3(pattern::llama3, false, 3, false, true), llama3_parts(pattern::llama3, false, 3, false, false),
        qwen2(pattern::llama3, false, 1, false, false), qwen35(pattern::llama3, false, 1, true, false),
        tekken(pattern::by_case, false, 1, false, true), gpt4o(pattern::by_case, false, 3, true, false);
    static const std::map<std::string, word_splitter> known = {
        {"gpt-2", gpt2},           {"phi-2", gpt2},           {"mpt", gpt2},
        {"olmo", gpt2},            {"jais", gpt2},            {"exaone4", gpt2},
        {"trillion", gpt2},        {"granite-docling", gpt2}, {"gigachat", gpt2},
        {"mellum", gpt2},          {"a.x-4.0", gpt2},         {"starcoder", gpt2_digits},
        {"refact", gpt2_digits},   {"command-r", gpt2_digits}, {"smollm", gpt2_digits},
        {"codeshell", gpt2_digits}, {"exaone", gpt2_digits},  {"minerva-7b", gpt2_digits},
        {"mellum2", gpt2_digits},  {"llama3", llama3},        {"llama-v3", llama3},
        {"llama-bpe", llama3},     {"falcon3", llama3},       {"falcon-h1", llama3},
        {"pixtral", llama3},       {"midm-2.0", llama3},      {"lfm2", llama3},
        {"dbrx", llama3_parts},    {"smaug-bpe", llama3_parts}, {"chatglm-bpe", llama3_parts},
        {"glm4", llama3_parts},    {"qwen2", qwen2},          {"deepseek-r1-qwen", qwen2},
        {"megrez", qwen2},         {"kormo", qwen2},          {"stablelm2", qwen2},
        {"hunyuan", qwen2},        {"solar-open", qwen2},     {"grok-2", qwen2},
        {"qwen35", qwen35},        {"tekken", tekken},        {"gpt-4o", gpt4o},
        {"llama4", gpt4o},         {"kanana2", gpt4o},
    };
    const auto found = known.find(pre);
    return found == known.end() ? std::nullopt : std::optional(found->second);
}

size_t word_splitter::next(std::string_view text, size_t from) const {
    switch (pattern_) {
        case pattern::gpt2: return gpt2(text, from);
        case pattern::llama3: return llama3(text, from);
        case pattern::by_case: return by_case(text, from);
    }
    return text.size();
}

/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t word_splitter::gpt2(std::string_view text, size_t from) const {
    const reader r(text, lone_digits_);
    if (r.class_at(from) == 0) {
        return r.after(from); // a lone digit
    }
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

/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,max_digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
size_t word_splitter::llama3(std::string_view text, size_t from) const {
    const reader r(text, false);
    if (const size_t end = r.contraction(from, true); end > from) {
        return end;
    }
    const uint8_t letters = marks_ ? char_letter | char_mark : char_letter;
    const uint8_t c       = r.class_at(from);
    const size_t  second  = r.after(from);
    if (!r.is_line_end(from) && (c & char_number) == 0 && ((c & letters) != 0 || (r.class_at(second) & letters) != 0)) {
        return r.run(second, letters);
    }
    return r.no_letters(from, letters, max_digits_, false);
}

/// X?U*L+|X?U+L*|\p{N}{1,max_digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+ where X is [^\r\n\p{L}\p{N}], U any letter but
/// a-z and L any but A-Z (so it is in llama.cpp; the models' own patterns tell all cases apart).
size_t word_splitter::by_case(std::string_view text, size_t from) const {
    const reader r(text, false);
    const size_t begin = (r.class_at(from) & (char_letter | char_number)) == 0 && !r.is_line_end(from) ? r.after(from) : from;
    if ((r.class_at(begin) & char_letter) == 0) {
        return r.no_letters(from, char_letter, max_digits_, true);
    }
    const auto is_small   = [&](size_t at) { return text[at] >= 'a' && text[at] <= 'z'; };
    const auto is_capital = [&](size_t at) { return text[at] >= 'A' && text[at] <= 'Z'; };
    // U as far as it goes; then L, which may have to take back what U took, and at best the last letter that is both.
    size_t end = begin, both = begin, after_both = begin;
    while ((r.class_at(end) & char_letter) != 0 && !is_small(end)) {
        const size_t next = r.after(end);
        if (!is_capital(end)) {
            both       = end;
            after_both = next;
        }
        end = next;
    }
    if ((r.class_at(end) & char_letter) != 0) {
        while ((r.class_at(end) & char_letter) != 0 && !is_capital(end)) {
            end = r.after(end);
        }
    } else if (after_both > both) {
        end = after_both;
    }
    return marks_ ? r.contraction(end, true) : end;
}

} // namespace forja
