// Random numbers that depend on a key and a counter only: the same on every machine, and in any order.
#pragma once

#include <cstdint>

namespace forja {

/// Mixes 64 bits. Source: Steele, Lea and Flood 2014 (SplitMix64's finaliser).
inline uint64_t mix64(uint64_t x) {
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/// A key for one stream out of several numbers (seed, step, layer …).
template <typename... Parts> uint64_t stream_key(Parts... parts) {
    uint64_t key = 0x243f6a8885a308d3ull;
    ((key = mix64(key ^ (uint64_t) parts)), ...);
    return key;
}

/// The i-th number of a stream, uniform in [0, 1) with 24 bits.
inline float uniform01(uint64_t key, uint64_t i) { return (float) (mix64(key + i * 0xd1342543de82ef95ull) >> 40) * 0x1.0p-24f; }

} // namespace forja
