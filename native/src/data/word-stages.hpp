// Ways to cut words that work in stages: each pattern cuts further what the one before has left. All stages are asked at once here, of
// just as much text as the next word needs. What libllama makes of the patterns is followed where it differs (it reads a character
// by its class; a space beyond ASCII is one that no list of characters holds).
//
// Each function gives the end of the word that begins at `from` < text.size(), where the word before ended. The text must be UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace forja {

/// [\p{P}$+<=>^~|]+, then GPT-2's words, then \p{N}+, then [0-9][0-9][0-9]: libllama's choice where a model names none.
size_t plain_bpe_word(std::string_view text, size_t from);

/// [\p{P}$+<=>^~|`]+, then GPT-2's words, then [0-9][0-9][0-9].
size_t falcon_word(std::string_view text, size_t from);

/// [\r\n], then \s?\p{L}+, then \s?\p{P}+, then letters and signs of East Asia in a row, then \p{N}.
size_t deepseek_coder_word(std::string_view text, size_t from);

/// \p{N}{1,3}, then Chinese and Japanese in a row, then an ASCII sign with ASCII letters|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|
/// ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
size_t deepseek_v3_word(std::string_view text, size_t from);

} // namespace forja
