#include "data/word-splitter.hpp"

#include <map>

#include "data/char-reader.hpp"
#include "data/word-stages.hpp"

namespace forja {

std::optional<word_splitter> word_splitter::find(const std::string & pre) {
    const word_splitter gpt2(pattern::gpt2, false, 0, false, false), gpt2_digits(pattern::gpt2, true, 0, false, false),
        llama3(pattern::llama3, false, 3, false, true), llama3_parts(pattern::llama3, false, 3, false, false),
        qwen2(pattern::llama3, false, 1, false, false), qwen35(pattern::llama3, false, 1, true, false),
        tekken(pattern::by_case, false, 1, false, true), gpt4o(pattern::by_case, false, 3, true, false);
    const auto staged = [](pattern p) { return word_splitter(p, false, 0, false, false); };
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
        {"", staged(pattern::plain_bpe)},        {"default", staged(pattern::plain_bpe)},
        {"falcon", staged(pattern::falcon)},     {"deepseek-coder", staged(pattern::deepseek_coder)},
        {"deepseek-v3", staged(pattern::deepseek_v3)}, {"hunyuan-dense", staged(pattern::deepseek_v3)},
        {"joyai-llm", staged(pattern::deepseek_v3)},
    };
    const auto found = known.find(pre);
    return found == known.end() ? std::nullopt : std::optional(found->second);
}

size_t word_splitter::next(std::string_view text, size_t from) const {
    switch (pattern_) {
        case pattern::gpt2:
            if (!lone_digits_) {
                return gpt2_word(char_reader(text), from);
            } else {
                const char_reader r(text, numbers_end{});
                return r.class_at(from) == 0 ? r.after(from) : gpt2_word(r, from);
            }
        case pattern::llama3: return llama3(text, from);
        case pattern::by_case: return by_case(text, from);
        case pattern::plain_bpe: return plain_bpe_word(text, from);
        case pattern::falcon: return falcon_word(text, from);
        case pattern::deepseek_coder: return deepseek_coder_word(text, from);
        case pattern::deepseek_v3: return deepseek_v3_word(text, from);
    }
    return text.size();
}

/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,max_digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
size_t word_splitter::llama3(std::string_view text, size_t from) const {
    const char_reader<> r(text);
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
    const char_reader<> r(text);
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
