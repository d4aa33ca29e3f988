// Threads that share out one piece of work after another, made for machines on which other programs run too.
//
// A training step is thousands of short operations with a barrier after each. ggml's threads spin at those barriers: alone on
// the machine that is fastest, but a thread that spins while the one it waits for has no core holds up everything. Here a thread
// that waits spins for some microseconds, then sleeps until it is woken; and whoever calls waits for nobody who has not begun:
// shares that no other thread has taken by the time it has done its own, it does itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace forja {

class thread_team {
  public:
    /// @param n_threads the calling thread included; at least 1
    explicit thread_team(int n_threads);
    ~thread_team();
    thread_team(const thread_team &)             = delete;
    thread_team & operator=(const thread_team &) = delete;

    int size() const { return (int) threads_.size() + 1; }

    /// Calls work(ith, nth) once for each ith of nth = size(), each on whichever thread is free first, and returns when all are
    /// done. So no share may wait for another. `work` must not throw, nor call run(). One caller at a time.
    template <typename F> void run(F && work) {
        run([](void * w, int ith, int nth) { (*(F *) w)(ith, nth); }, &work);
    }

  private:
    using call = void (*)(void * work, int ith, int nth);
    void run(call fn, void * work);
    void do_shares(uint32_t round);
    void serve();

    std::vector<std::thread> threads_;
    call                     fn_   = nullptr; // read by those only who have taken a share: then it can't change
    void *                   work_ = nullptr;
    std::atomic<uint32_t>    round_{0}; // counts run(); the threads wait for it to change
    std::atomic<uint64_t>    taken_{0}; // the round in the upper half, its shares taken so far in the lower one
    std::atomic<uint32_t>    left_{0};  // shares of the present round that are not done
    std::atomic<bool>        over_{false};
};

} // namespace forja
