// Which bytes stand side by side within any piece of a vocabulary. Between two that never do, a text can be cut: nothing is ever joined
// across such a place.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>

namespace forja {

class joint_bytes {
  public:
    /// @param piece with a space for each U+2581
    void add(std::string_view piece) {
        for (size_t at = 1; at < piece.size(); ++at) {
            beside_.set(pair_of(piece[at - 1], piece[at]));
        }
    }

    /// The first place to cut after `from`, or text.size(). No byte behind it is looked at, however long the text is.
    size_t next_cut(std::string_view text, size_t from) const {
        return next_cut(text, from, [](char) { return false; });
    }

    /// The same, or a place before it at which ends(byte) is true.
    template <typename Ends> size_t next_cut(std::string_view text, size_t from, const Ends & ends) const {
        for (size_t i = from + 1; i < text.size(); ++i) {
            const auto byte = static_cast<uint8_t>(text[i]);
            // Never inside a character, nor beside a U+2581: that becomes a space.
            if (ends(text[i]) || ((byte & 0xC0) != 0x80 && !beside_.test(pair_of(text[i - 1], text[i])) && byte != 0xE2 && static_cast<uint8_t>(text[i - 1]) != 0x81)) {
                return i;
            }
        }
        return text.size();
    }

  private:
    static size_t pair_of(char a, char b) { return static_cast<size_t>(static_cast<uint8_t>(a)) << 8 | static_cast<uint8_t>(b); }

    std::bitset<1 << 16> beside_;
};

} // namespace forja
