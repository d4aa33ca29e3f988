// What kind of character a code point is, by the tables of the very llama.cpp that inference uses: a newer Unicode than its own
// would cut words elsewhere.
#pragma once

#include <cstdint>
#include <string_view>

namespace forja {

/// Bits of a character's class. char_any is set for every character, so that 0 can mean the end of a text.
inline constexpr uint8_t char_number = 1, char_letter = 2, char_mark = 4, char_space = 8, char_punctuation = 16, char_symbol = 32, char_any = 128;

/// The classes of all code points, [0x110000]. Made at the first call; thread-safe.
const uint8_t * char_classes();

/// Whether a text is well-formed UTF-8 (no overlong forms, no surrogates, nothing cut off).
bool is_utf8(std::string_view text);

} // namespace forja
