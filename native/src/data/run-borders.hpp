// A row is learned in part: a text with borders between what is given and what is learned. Its tokens are those of the text in one
// piece, as the base was trained on it, wherever that text's tokens begin with those of the prompt alone. Where they don't, a token
// would reach over the border (or white space before it be cut otherwise), which generation can never see: there the prompt's own
// tokens stand, and the rest goes on behind them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace forja {

/// Bytes behind a border that are read along with what lies before it: longer than tokens are, so that nothing behind them matters.
inline constexpr size_t border_reach = 64;

/// Appends the tokens of a text with borders in it.
/// @param borders byte offsets in rising order, each with 0 < border < text.size()
/// @param begins passed to the first call of encode; text that goes on behind a forced border is encoded with ends_in_mark(its
///        prompt's last token) in its place
/// @param reach how far behind a border texts are read along; with text.size() no text is ever cut at a border that forces nothing,
///        at the cost of reading the text once for each border
/// @param encode appends the tokens of a text: encode(text, begins, out)
/// @param places gets, for each border, how many tokens `out` holds before it
template <typename Encode, typename EndsInMark>
void encode_across(std::string_view text, std::span<const size_t> borders, bool begins, size_t reach, const Encode & encode,
                   const EndsInMark & ends_in_mark, std::vector<int32_t> & out, std::vector<size_t> & places) {
    std::vector<int32_t> prompt;
    size_t               from = 0, next = 0;
    while (next < borders.size()) {
        size_t last = next; // of the borders in this stretch, one past
        while (last < borders.size() && borders[last] - borders[next] < reach) {
            ++last;
        }
        const size_t to    = last < borders.size() ? borders[last] : text.size();
        const size_t start = out.size();
        encode(text.substr(from, to - from), begins, out);
        size_t kept   = start; // tokens before the last border that was passed
        bool   forced = false;
        for (; next < last && !forced && (to == text.size() || borders[next] + reach <= to); ++next) {
            prompt.clear();
            encode(text.substr(from, borders[next] - from), begins, prompt);
            const size_t whole = out.size() - start;
            forced = prompt.size() > whole || !std::equal(prompt.begin(), prompt.end(), out.begin() + static_cast<std::ptrdiff_t>(start));
            if (forced) {
                out.resize(start);
                out.insert(out.end(), prompt.begin(), prompt.end());
            }
            kept = start + prompt.size();
            places.push_back(kept);
        }
        if (!forced && to == text.size()) { // all borders were in it
            return;
        }
        out.resize(kept);
        begins = kept > start ? ends_in_mark(out.back()) : begins;
        from   = borders[next - 1];
    }
    encode(text.substr(from), begins, out);
}

} // namespace forja
