#include "base/mapped-ranges.hpp"

#include <atomic>
#include <cstdio>
#include <mutex>

namespace forja::mapped_ranges {

namespace {

struct range {
    std::atomic<const uint8_t *> from{nullptr};
    size_t                       n = 0;
    char                         path[1024];
};

// A model in many parts, a few token files and adapters.
range      table[256];
std::mutex mutex;

} // namespace

void add(const uint8_t * from, size_t n, const char * path) {
    const std::lock_guard lock(mutex);
    for (range & r : table) {
        if (r.from.load() == nullptr) {
            r.n = n;
            std::snprintf(r.path, sizeof(r.path), "%s", path);
            r.from.store(from); // last: from here on the handler may see it
            return;
        }
    }
}

void remove(const uint8_t * from) {
    const std::lock_guard lock(mutex);
    for (range & r : table) {
        if (r.from.load() == from) {
            r.from.store(nullptr);
            return;
        }
    }
}

const char * path_at(const void * address) {
    const auto * at = static_cast<const uint8_t *>(address);
    for (const range & r : table) {
        const uint8_t * from = r.from.load();
        // The last page reaches past the file's end.
        if (from != nullptr && at >= from && at < from + r.n + 4096) {
            return r.path;
        }
    }
    return nullptr;
}

} // namespace forja::mapped_ranges
