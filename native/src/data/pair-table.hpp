// What pairs of tokens are joined to, and how soon: the merges of a byte-pair vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/large-pages.hpp"
#include "data/bit-filter.hpp"
#include "data/merge-symbols.hpp"

namespace forja {

class pair_table {
  public:
    /// The merges' order is exact as a float up to here.
    static constexpr size_t most_merges = size_t{1} << 24;

    explicit pair_table(size_t n_merges = 0) : known_(n_merges) {
        size_t n = 16;
        while (n * 2 < n_merges * 3) {
            n *= 2;
        }
        slots_ = large_table<slot>(n, {no_key, no_pair});
    }

    /// The merge number `rank` of the file. Of two for one pair the first counts.
    void add(int32_t left, int32_t right, size_t rank, int32_t id) {
        const uint64_t key = key_of(left, right), hash = hash_of(key);
        slot &         s   = slots_[place_of(key, hash)];
        if (s.key == no_key) {
            s = {key, {-static_cast<float>(rank), id}};
            known_.add(hash);
        }
    }

    /// no_pair for two that are not joined.
    joined find(int32_t left, int32_t right) const {
        const uint64_t key = key_of(left, right), hash = hash_of(key);
        return known_.may_hold(hash) ? slots_[place_of(key, hash)].pair : no_pair;
    }

    /// Starts to bring near what find() will look at.
    void expect(int32_t left, int32_t right) const {
        const uint64_t hash = hash_of(key_of(left, right));
        known_.expect(hash);
        prefetch(&slots_[first_place(hash)]);
    }

  private:
    struct slot {
        uint64_t key;
        joined   pair;
    };
    static constexpr uint64_t no_key = UINT64_MAX;

    static uint64_t key_of(int32_t left, int32_t right) {
        return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
    }
    /// The upper bits are mixed best.
    static uint64_t hash_of(uint64_t key) {
        key = (key ^ (key >> 32)) * 0x9E3779B97F4A7C15ULL;
        return (key ^ (key >> 29)) * 0x94D049BB133111EBULL;
    }
    /// Where a key is, or the free slot where it would be.
    size_t first_place(uint64_t hash) const { return static_cast<size_t>(hash >> 20) & (slots_.size() - 1); }
    size_t place_of(uint64_t key, uint64_t hash) const {
        size_t i = first_place(hash);
        while (slots_[i].key != key && slots_[i].key != no_key) {
            i = (i + 1) & (slots_.size() - 1);
        }
        return i;
    }

    std::vector<slot> slots_; // open addressing
    bit_filter        known_; // keys that are there, and a few others: most that are asked for are not
};

} // namespace forja
