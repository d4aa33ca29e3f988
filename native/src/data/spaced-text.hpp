// SentencePiece makes each space of a text a U+2581 before it looks for pieces. Our encoders do it the other way about: pieces are kept
// with spaces, and a U+2581 of the text becomes one. The pieces found are the same, and nearly no text has to be rewritten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace forja {

inline constexpr std::string_view escaped_space = "\xE2\x96\x81"; // U+2581

inline void put_spaces(std::string & text) {
    for (size_t at = 0; (at = text.find(escaped_space, at)) != std::string::npos; ++at) {
        text.replace(at, escaped_space.size(), " ");
    }
}

/// The text with a space for each U+2581: itself, or rewritten into `room`.
inline std::string_view with_spaces(std::string_view text, std::string & room) {
    if (text.find(escaped_space) == std::string_view::npos) {
        return text;
    }
    room.assign(text);
    put_spaces(room);
    return room;
}

/// How many bytes the character that begins with this one has.
inline size_t char_size(char first_byte) {
    const auto first = static_cast<uint8_t>(first_byte);
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

} // namespace forja
