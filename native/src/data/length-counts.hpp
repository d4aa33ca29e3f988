// How many rows have each length: all that percentiles and a histogram need, and as large after a billion rows as after none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace forja {

class length_counts {
  public:
    void add(uint64_t length) {
        ++n_;
        if (length < few_.size()) {
            ++few_[static_cast<size_t>(length)];
        } else {
            ++many_[length];
        }
    }

    uint64_t size() const { return n_; }

    /// The length at a share (0 to 1) of the rows in the order of their lengths, by nearest rank; 0 where there are none.
    uint64_t percentile(double share) const {
        const auto wanted = static_cast<uint64_t>(share * static_cast<double>(n_) + 0.9999999);
        uint64_t   passed = 0, found = 0;
        each([&](uint64_t length, uint64_t count) {
            if (passed < (wanted > 0 ? wanted : 1)) {
                found = length;
            }
            passed += count;
        });
        return found;
    }

    /// {upper bound, rows above the bound before and up to it}: bounds are 16, 32, 64, ... until all rows are counted.
    std::vector<std::pair<uint64_t, uint64_t>> histogram() const {
        std::vector<std::pair<uint64_t, uint64_t>> bins;
        each([&](uint64_t length, uint64_t count) {
            while (bins.empty() || length > bins.back().first) {
                bins.emplace_back(bins.empty() ? 16 : 2 * bins.back().first, 0);
            }
            bins.back().second += count;
        });
        return bins;
    }

  private:
    /// Calls use(length, count) for the lengths that rows have, shortest first.
    template <typename Use> void each(const Use & use) const {
        for (size_t length = 0; length < few_.size(); ++length) {
            if (few_[length] > 0) {
                use(length, few_[length]);
            }
        }
        for (const auto & [length, count] : many_) {
            use(length, count);
        }
    }

    uint64_t                     n_ = 0;
    std::vector<uint64_t>        few_ = std::vector<uint64_t>(size_t{1} << 16); // 512 KB
    std::map<uint64_t, uint64_t> many_; // a row of so many tokens is itself thousands of times larger than its entry
};

} // namespace forja
