// FNV-1a, 64 bits: a fast fingerprint for finding damage and duplicates. Not for security.
#pragma once

#include <cstddef>
#include <cstdint>

namespace forja {

inline constexpr uint64_t fnv1a_start = 0xcbf29ce484222325ULL;
inline constexpr uint64_t fnv1a_prime = 0x100000001b3ULL;

/// Continues `hash` over n_bytes of data. Source: Fowler, Noll, Vo; offset basis and prime for 64 bits.
inline uint64_t fnv1a(const void * data, size_t n_bytes, uint64_t hash = fnv1a_start) {
    const auto * bytes = static_cast<const uint8_t *>(data);
    for (size_t i = 0; i < n_bytes; ++i) {
        hash = (hash ^ bytes[i]) * fnv1a_prime;
    }
    return hash;
}

/// fnv1a() of the bytes of words, sooner where their upper halves are empty but for the highest bit, as those of most tokens are: a
/// byte of zeros only multiplies by the prime, which can be done for several at once.
inline uint64_t fnv1a_of_words(const uint32_t * words, size_t n_words) {
    constexpr uint64_t prime2 = fnv1a_prime * fnv1a_prime, prime3 = prime2 * fnv1a_prime;
    uint64_t           hash = fnv1a_start;
    for (size_t i = 0; i < n_words; ++i) {
        const uint32_t word = words[i], upper = word >> 16;
        if (upper == 0 || upper == 0x8000) {
            hash = ((hash ^ (word & 0xff)) * fnv1a_prime) ^ (word >> 8 & 0xff);
            hash = upper == 0 ? hash * prime3 : ((hash * prime2) ^ 0x80) * fnv1a_prime;
        } else {
            hash = fnv1a(&word, sizeof(word), hash);
        }
    }
    return hash;
}

} // namespace forja
