// The team's threads: every share is done once, in each of many rounds, whatever their number, and all of it before run() returns.
#include <atomic>
#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include "base/thread-team.hpp"
#include "support/report.hpp"

using namespace forja;
using namespace forja::test;

namespace {

void every_share_once(int n_threads) {
    constexpr int    rounds = 2000;
    thread_team      team(n_threads);
    std::vector<int> shares(n_threads, 0); // each written by whoever does it
    bool             complete = true;
    std::atomic<bool> numbers{true};
    for (int round = 1; round <= rounds; round++) {
        team.run([&](int ith, int nth) {
            if (nth != n_threads) {
                numbers = false;
            }
            shares[ith]++;
        });
        complete = complete && std::accumulate(shares.begin(), shares.end(), 0) == round * n_threads;
    }
    const std::string what = std::to_string(n_threads) + " threads: ";
    check(team.size() == n_threads && numbers, what + "each is told how many there are");
    check(complete, what + "run() returns when all shares are done");
    check(shares == std::vector<int>(n_threads, rounds), what + "each share is done once in every round");
}

void sleeps_and_wakes() {
    thread_team      team(3);
    std::atomic<int> done{0};
    for (int round = 0; round < 3; round++) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20)); // long past the time for which a thread spins
        team.run([&](int, int) { done++; });
    }
    check(done == 9, "threads that went to sleep are woken");
}

} // namespace

int main() {
    for (int n : {1, 2, 3, 8}) {
        every_share_once(n);
    }
    { thread_team idle(4); } // ends without any work
    sleeps_and_wakes();
    return result();
}
