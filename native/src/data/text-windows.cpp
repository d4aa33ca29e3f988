#include "data/text-windows.hpp"

#include <algorithm>
#include <string_view>

#include "data/token-file.hpp"

namespace forja {

namespace {

/// How good a place between two tokens is to cut at; the higher the better.
enum class border { inside_character, any, word, sentence, line, paragraph };

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> ends) {
    return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return text.ends_with(end); });
}

bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/// @param before the last pieces before the place, put together
border quality(std::string_view before, std::string_view after) {
    if (after.empty() || before.empty()) {
        return border::any;
    }
    if ((static_cast<uint8_t>(after.front()) & 0xc0) == 0x80) {
        return border::inside_character;
    }
    if (before.ends_with('\n')) {
        before.remove_suffix(1);
        while (!before.empty() && (before.back() == ' ' || before.back() == '\r' || before.back() == '\t')) {
            before.remove_suffix(1);
        }
        return before.ends_with('\n') ? border::paragraph : border::line;
    }
    // A sentence's end is followed by a blank, which belongs to the next token in most vocabularies, but for scripts without blanks.
    const bool is_apart = is_blank(after.front()) || is_blank(before.back());
    while (!before.empty() && before.back() == ' ') {
        before.remove_suffix(1);
    }
    if (ends_with_any(before, {"。", "！", "？", "।", "။", "؟", "…"}) || (is_apart && ends_with_any(before, {".", "!", "?", ".\"", "!\"", "?\"", ".)"}))) {
        return border::sentence;
    }
    return is_apart ? border::word : border::any;
}

} // namespace

std::vector<text_window> cut_windows(std::span<const uint32_t> words, const window_options & options,
                                     const std::function<std::string(int32_t)> & piece) {
    const size_t first   = options.has_bos ? 1 : 0;
    const size_t room    = options.max_seq_len - first;
    const size_t overlap = std::min(std::max<size_t>(options.overlap_tokens, first > 0 ? 0 : 1), room / 2);

    std::vector<text_window> windows;
    size_t                   learnt = first; // words before this one are in a window
    while (learnt < words.size()) {
        const size_t n_given = std::min(overlap, learnt - first);
        const size_t begin   = learnt - n_given;
        size_t       end     = std::min(words.size(), begin + room);
        if (end < words.size()) {
            const size_t half = learnt + (end - learnt) / 2;
            border       best = border::inside_character;
            size_t       place = end;
            std::string  after = piece(token_id(words[end]));
            for (size_t at = end; at > half; --at) {
                std::string last = piece(token_id(words[at - 1]));
                // A line's end may be a token of its own.
                std::string before = at - 1 > begin ? piece(token_id(words[at - 2])) + last : last;
                const border found = quality(before, after);
                if (found > best) {
                    best  = found;
                    place = at;
                    if (best == border::paragraph) {
                        break;
                    }
                }
                after = std::move(last);
            }
            end = place;
        }
        windows.push_back({begin, end, n_given});
        learnt = end;
    }
    return windows;
}

void add_window(std::span<const uint32_t> words, const text_window & window, bool has_bos, std::vector<uint32_t> & out) {
    if (has_bos) {
        out.push_back(words.front() & ~supervised_bit);
    }
    for (size_t at = window.begin; at < window.end; ++at) {
        const bool is_given = at < window.begin + window.n_given;
        out.push_back(is_given ? words[at] & ~supervised_bit : words[at]);
    }
}

} // namespace forja
