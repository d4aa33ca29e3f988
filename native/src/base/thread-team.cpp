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
        threads_.emplace_back([this] { serve(); });
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

// Takes and does shares of the round until none is left. A thread that comes late finds another round's number and takes nothing.
void thread_team::do_shares(uint32_t round) {
    uint64_t taken = taken_.load(std::memory_order_acquire);
    while ((uint32_t) (taken >> 32) == round && (int) (uint32_t) taken < size()) {
        if (!taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
            continue;
        }
        fn_(work_, (int) (uint32_t) taken, size());
        if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            left_.notify_one();
        }
        taken = taken_.load(std::memory_order_acquire);
    }
}

void thread_team::run(call fn, void * work) {
    if (threads_.empty()) {
        fn(work, 0, 1);
        return;
    }
    fn_   = fn;
    work_ = work;
    left_.store((uint32_t) size(), std::memory_order_relaxed);
    const uint32_t round = round_.load(std::memory_order_relaxed) + 1;
    taken_.store((uint64_t) round << 32, std::memory_order_release);
    round_.store(round, std::memory_order_release);
    round_.notify_all();
    do_shares(round);
    for (uint32_t left = left_.load(std::memory_order_acquire); left != 0; left = left_.load(std::memory_order_acquire)) {
        wait_while(left_, left);
    }
}

void thread_team::serve() {
    for (uint32_t seen = 0;;) {
        wait_while(round_, seen);
        seen = round_.load(std::memory_order_acquire);
        if (over_) {
            return;
        }
        do_shares(seen);
    }
}

} // namespace forja
