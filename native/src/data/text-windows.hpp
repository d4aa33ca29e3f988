// Long plain text as several rows, cut by tokens: none is lost, whatever a token is worth in characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace forja {

/// What a window takes of a row's payload words (token-file.hpp).
struct text_window {
    size_t begin, end;
    size_t n_given; // of its first tokens: they were learnt in the window before, and are context here
};

/// How a text is cut.
struct window_options {
    size_t max_seq_len;    // longest window in tokens, what is put before it included
    size_t overlap_tokens; // given once more at a window's beginning; at most half of a window
    bool   has_bos;        // the text begins with a token that each window begins with
};

/// Windows that cover the words, which are more than max_seq_len. A window ends behind the last end of a paragraph, line, sentence or
/// word in its second half, in this order of preference, and never inside a character where it can end elsewhere. Without a beginning
/// token a window's first token can't be learnt, so at least one is repeated.
/// @param piece the text of a token, which may be part of a UTF-8 sequence
std::vector<text_window> cut_windows(std::span<const uint32_t> words, const window_options & options,
                                     const std::function<std::string(int32_t)> & piece);

/// A window as payload words.
void add_window(std::span<const uint32_t> words, const text_window & window, bool has_bos, std::vector<uint32_t> & out);

} // namespace forja
