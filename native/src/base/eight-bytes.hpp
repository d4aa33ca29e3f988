// Eight bytes of text looked at in one number, in plain C++: three to five times as fast as one by one. Each question is answered by
// a number that has the highest bit of a byte set where the answer is yes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace forja::eight_bytes {

static_assert(std::endian::native == std::endian::little, "the first byte of a text is the lowest of the number");

inline constexpr uint64_t ones = 0x0101010101010101ULL, highest = 0x8080808080808080ULL;

inline uint64_t read(const char * p) {
    uint64_t x;
    std::memcpy(&x, p, sizeof(x));
    return x;
}

/// How many bytes come before the first that is a yes; 8 where none is.
inline size_t before_first(uint64_t yes) { return yes == 0 ? 8 : static_cast<size_t>(std::countr_zero(yes)) / 8; }

inline uint64_t beyond_ascii(uint64_t x) { return x & highest; }

/// Bytes that are at least `least`, which is at most 0x80; those beyond ASCII are too.
inline uint64_t at_least(uint64_t x, uint8_t least) { return (((x & ~highest) + ones * (0x80u - least)) | x) & highest; }

inline uint64_t equal(uint64_t x, char c) { return ~at_least(x ^ (ones * static_cast<uint8_t>(c)), 1) & highest; }

/// A to Z and a to z.
inline uint64_t ascii_letters(uint64_t x) {
    const uint64_t small = x | (ones * 0x20);
    return at_least(small, 'a') & ~at_least(small, 'z' + 1);
}

} // namespace forja::eight_bytes
