// FNV-1a, 64 bits: a fast fingerprint for finding damage and duplicates. Not for security.
#pragma once

#include <cstddef>
#include <cstdint>

namespace forja {

inline constexpr uint64_t fnv1a_start = 0xcbf29ce484222325ULL;

/// Continues `hash` over n_bytes of data. Source: Fowler, Noll, Vo; offset basis and prime for 64 bits.
inline uint64_t fnv1a(const void * data, size_t n_bytes, uint64_t hash = fnv1a_start) {
    const auto * bytes = static_cast<const uint8_t *>(data);
    for (size_t i = 0; i < n_bytes; ++i) {
        hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
    }
    return hash;
}

} // namespace forja
