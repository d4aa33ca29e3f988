#include "base/thread-team.hpp"

#if defined(__x86_64__) || defined(_M_X64)
#    include <immintrin.h>
#endif

namespace forja {

namespace {

// About 50 µs: longer than the pause between two operations of a step, shorter than what a sleeping thread's core is worth.
constexpr int spins = 1000;

void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    asm volatile("yield" ::: "memory");
#endif
}

/// Returns when `word` is no longer `old`.
void wait_while(const std::atomic<uint32_t> & word, uint32_t old) {
    for (int i = 0; i < spins; i++) {
        if (word.load(std::memory_order_acquire) != old) {
            return;
        }
        relax();
    }
    word.wait(old, std::memory_order_acquire);
}

} // namespace

thread_team::thread_team(int n_threads) {
    for (int i = 1; i < n_threads; i++) {
        threads_.emplace_back([this, i] { serve(i); });
    }
}

thread_team::~thread_team() {
    over_ = true;
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    for (std::thread & t : threads_) {
        t.join();
    }
}

void thread_team::run(call fn, void * work) {
    if (threads_.empty()) {
        fn(work, 0, 1);
        return;
    }
    fn_   = fn;
    work_ = work;
    working_.store((uint32_t) threads_.size(), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    fn(work, 0, size());
    for (uint32_t left = working_.load(std::memory_order_acquire); left != 0; left = working_.load(std::memory_order_acquire)) {
        wait_while(working_, left);
    }
}

void thread_team::serve(int ith) {
    for (uint32_t seen = 0;;) {
        wait_while(round_, seen);
        seen++; // run() does not begin another round before this one is finished
        if (over_) {
            return;
        }
        fn_(work_, ith, size());
        if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            working_.notify_one();
        }
    }
}

} // namespace forja
