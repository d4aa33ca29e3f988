// Memory in large pages: a table of megabytes that is looked up at random otherwise waits for the addresses of its pages too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace forja {

/// Asks for large pages where [p, p + n_bytes), not yet written, holds whole ones. Only a hint.
inline void prefer_large_pages([[maybe_unused]] void * p, [[maybe_unused]] size_t n_bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr uintptr_t page = uintptr_t{2} << 20;
    const auto          at = reinterpret_cast<uintptr_t>(p), begin = (at + page - 1) / page * page, end = (at + n_bytes) / page * page;
    if (begin < end) {
        ::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_HUGEPAGE);
    }
#endif
}

/// A vector of n equal elements, in large pages where it is large.
template <typename T> std::vector<T> large_table(size_t n, const T & value = {}) {
    std::vector<T> table;
    table.reserve(n);
    prefer_large_pages(table.data(), n * sizeof(T));
    table.resize(n, value);
    return table;
}

} // namespace forja
