// Says "certainly not" to most keys that a large table does not hold, out of memory small enough to stay near the processor. Source:
// Bloom 1970, with one bit a key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/prefetch.hpp"

namespace forja {

class bit_filter {
  public:
    /// @param expected how many keys there will be; about an eighth of the others are not told apart from them
    explicit bit_filter(size_t expected = 0) {
        while ((size_t{1} << bits_) < 8 * expected) {
            ++bits_;
        }
        words_.resize(size_t{1} << (bits_ - 6));
    }

    /// @param hash of a key, with its upper bits well mixed
    void add(uint64_t hash) { words_[place(hash) / 64] |= uint64_t{1} << place(hash) % 64; }
    bool may_hold(uint64_t hash) const { return (words_[place(hash) / 64] >> place(hash) % 64 & 1) != 0; }
    /// Starts to bring near what may_hold() will look at.
    void expect(uint64_t hash) const { prefetch(&words_[place(hash) / 64]); }

  private:
    size_t place(uint64_t hash) const { return static_cast<size_t>(hash >> (64 - bits_)); }

    unsigned              bits_ = 6;
    std::vector<uint64_t> words_;
};

} // namespace forja
