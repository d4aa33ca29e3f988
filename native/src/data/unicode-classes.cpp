#include "data/unicode-classes.hpp"

#include <cstring>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace forja {

namespace {

// Data only. In a namespace of its own, because libllama may bring the same names; its #includes are all above already.
namespace llama_tables {
#include FORJA_LLAMA_UNICODE_DATA
}

// Bits of unicode_ranges_flags.
constexpr uint16_t flag_number = 0x02, flag_letter = 0x04, flag_mark = 0x10, flag_punctuation = 0x20, flag_symbol = 0x40;

std::vector<uint8_t> make_classes() {
    std::vector<uint8_t> classes(llama_tables::MAX_CODEPOINTS, char_any);
    const auto *         range = llama_tables::unicode_ranges_flags.begin();
    for (; range + 1 != llama_tables::unicode_ranges_flags.end(); ++range) {
        const uint16_t flags = range->second;
        const auto     bits  = static_cast<uint8_t>(char_any | ((flags & flag_number) != 0 ? char_number : 0) | ((flags & flag_letter) != 0 ? char_letter : 0) |
                                               ((flags & flag_mark) != 0 ? char_mark : 0) | ((flags & flag_punctuation) != 0 ? char_punctuation : 0) |
                                               ((flags & flag_symbol) != 0 ? char_symbol : 0));
        std::memset(classes.data() + range->first, bits, (range + 1)->first - range->first);
    }
    for (const uint32_t code : llama_tables::unicode_set_whitespace) {
        classes[code] |= char_space;
    }
    return classes;
}

} // namespace

const uint8_t * char_classes() {
    static const std::vector<uint8_t> classes = make_classes();
    return classes.data();
}

bool is_utf8(std::string_view text) {
    const auto * p   = reinterpret_cast<const uint8_t *>(text.data());
    const auto * end = p + text.size();
    while (p < end) {
        if (end - p >= 8) {
            uint64_t eight;
            std::memcpy(&eight, p, 8);
            if ((eight & 0x8080808080808080ULL) == 0) {
                p += 8;
                continue;
            }
        }
        const uint8_t first = *p;
        if (first < 0x80) {
            ++p;
            continue;
        }
        const int n = first >= 0xC2 && first <= 0xDF ? 2 : first >= 0xE0 && first <= 0xEF ? 3 : first >= 0xF0 && first <= 0xF4 ? 4 : 0;
        if (n == 0 || end - p < n) {
            return false;
        }
        for (int i = 1; i < n; ++i) {
            if ((p[i] & 0xC0) != 0x80) {
                return false;
            }
        }
        if ((first == 0xE0 && p[1] < 0xA0) || (first == 0xED && p[1] > 0x9F) || (first == 0xF0 && p[1] < 0x90) || (first == 0xF4 && p[1] > 0x8F)) {
            return false;
        }
        p += n;
    }
    return true;
}

} // namespace forja
