// A set of short texts, numbered in the order in which they came: one flat table and one run of bytes, so that a look-up touches
// two or three cache lines and nothing is allocated for a text of its own.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace forja {

class text_table {
  public:
    static constexpr uint32_t none = UINT32_MAX;

    /// @param expected how many texts there will be; more are fine
    explicit text_table(size_t expected = 0) { resize(expected); }

    size_t size() const { return ends_.size(); }

    /// The number of a text, or none. hash: of(text), where it is known already.
    uint32_t find(std::string_view text, uint64_t hash) const {
        for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
            const slot & s = slots_[i];
            if (s.number == none) {
                return none;
            }
            if (s.tag == static_cast<uint32_t>(hash >> 32) && same(s.number, text)) {
                return s.number;
            }
        }
    }
    uint32_t find(std::string_view text) const { return find(text, of(text)); }

    /// Adds a text that isn't there.
    uint32_t add(std::string_view text, uint64_t hash) {
        if (2 * (ends_.size() + 1) > slots_.size()) {
            resize(2 * ends_.size() + 1);
        }
        const auto number = static_cast<uint32_t>(ends_.size());
        bytes_.append(text);
        ends_.push_back(static_cast<uint32_t>(bytes_.size()));
        put({static_cast<uint32_t>(hash >> 32), number}, hash);
        return number;
    }
    /// The number of a text that may be there already.
    uint32_t number_of(std::string_view text) {
        const uint64_t hash  = of(text);
        const uint32_t known = find(text, hash);
        return known != none ? known : add(text, hash);
    }

    std::string_view text(uint32_t number) const {
        const uint32_t from = number == 0 ? 0 : ends_[number - 1];
        return std::string_view(bytes_).substr(from, ends_[number] - from);
    }

    void clear() {
        std::fill(slots_.begin(), slots_.end(), slot{0, none});
        bytes_.clear();
        ends_.clear();
    }

    /// A hash of 64 bits, eight bytes at a time.
    static uint64_t of(std::string_view text) {
        uint64_t     h = 0x9E3779B97F4A7C15ULL ^ text.size();
        const char * p = text.data();
        size_t       n = text.size();
        for (; n >= 8; p += 8, n -= 8) {
            h = fold(h ^ read(p, 8));
        }
        return n > 0 ? fold(h ^ read(p, n)) : fold(h);
    }

  private:
    struct slot {
        uint32_t tag, number;
    };

    static uint64_t read(const char * p, size_t n) {
        uint64_t x = 0;
        std::memcpy(&x, p, n);
        return x;
    }
    static uint64_t fold(uint64_t x) { // the finaliser of SplitMix64
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
        return x ^ (x >> 31);
    }

    bool same(uint32_t number, std::string_view text) const {
        const uint32_t from = number == 0 ? 0 : ends_[number - 1];
        return ends_[number] - from == text.size() && std::memcmp(bytes_.data() + from, text.data(), text.size()) == 0;
    }

    void put(slot s, uint64_t hash) {
        size_t i = hash & mask_;
        while (slots_[i].number != none) {
            i = (i + 1) & mask_;
        }
        slots_[i] = s;
    }

    void resize(size_t expected) {
        size_t n = 16;
        while (n < 2 * expected) {
            n *= 2;
        }
        slots_.assign(n, {0, none});
        mask_ = n - 1;
        for (uint32_t i = 0; i < ends_.size(); ++i) {
            const uint64_t hash = of(text(i));
            put({static_cast<uint32_t>(hash >> 32), i}, hash);
        }
    }

    std::vector<slot>     slots_;
    size_t                mask_ = 0;
    std::string           bytes_;
    std::vector<uint32_t> ends_; // of each text in bytes_
};

} // namespace forja
