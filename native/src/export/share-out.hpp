// Work that is handed out to threads piece by piece.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace forja {

/// Calls work(i, ith) for every i below n, each once, on `threads` threads that take the next as they are done with one;
/// ith 0 is the calling thread. The first exception stops all and is thrown again here.
template <typename Work> void share_out(size_t n, int threads, const Work & work) {
    std::atomic<size_t> next{0};
    std::exception_ptr  failed;
    std::mutex          mutex;
    const auto          run = [&](int ith) {
        try {
            for (size_t i; (i = next.fetch_add(1)) < n;) {
                work(i, ith);
            }
        } catch (...) {
            const std::lock_guard lock(mutex);
            failed = failed ? failed : std::current_exception();
            next   = n;
        }
    };
    std::vector<std::thread> others;
    for (int i = 1; i < threads && static_cast<size_t>(i) < n; ++i) {
        others.emplace_back(run, i);
    }
    run(0);
    for (std::thread & t : others) {
        t.join();
    }
    if (failed) {
        std::rethrow_exception(failed);
    }
}

} // namespace forja
