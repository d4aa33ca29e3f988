// A text of up to 15 bytes as two numbers, so that it is compared and hashed without a loop.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace forja {

struct short_text {
    static constexpr size_t max_bytes = 15;

    uint64_t low = 0, high = 0; // the bytes, zeros behind them; the last of the 16 is their number, so no text is all zeros

    /// The `size` bytes of a text, at most max_bytes, that begin at `from`.
    static short_text read(std::string_view text, size_t from, size_t size) {
        static_assert(std::endian::native == std::endian::little);
        uint64_t bytes[2]{};
        if (text.size() - from >= sizeof(bytes)) {
            std::memcpy(bytes, text.data() + from, sizeof(bytes));
            bytes[0] &= size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
            bytes[1] &= size <= 8 ? 0 : (uint64_t{1} << (8 * (size - 8))) - 1;
        } else {
            std::memcpy(bytes, text.data() + from, size);
        }
        return {bytes[0], bytes[1] | static_cast<uint64_t>(size) << 56};
    }

    /// All bits spread over all; the upper ones best.
    uint64_t hash() const {
        const uint64_t mixed = (low ^ (low >> 32)) * 0x9E3779B97F4A7C15ULL + (high ^ (high >> 32)) * 0xC2B2AE3D27D4EB4FULL;
        return (mixed ^ (mixed >> 31)) * 0x94D049BB133111EBULL;
    }

    bool operator==(const short_text &) const = default;
};

} // namespace forja
