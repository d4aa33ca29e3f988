#include "train/intervals.hpp"

#include <algorithm>
#include <cmath>

namespace forja {

namespace {
constexpr int64_t times_a_run = 10, least_steps = 5;
constexpr double  validation_share = 0.25, forward_share = 1.0 / 3;
} // namespace

int64_t automatic_checkpoint_steps(int64_t total_steps) {
    return std::max(least_steps, (total_steps + times_a_run - 1) / times_a_run);
}

int64_t automatic_eval_steps(int64_t total_steps, int64_t val_tokens, double step_tokens) {
    const int64_t base   = automatic_checkpoint_steps(total_steps);
    const double  needed = step_tokens > 0 ? (double) val_tokens * forward_share / (validation_share * step_tokens) : 0;
    // A multiple, so that there is a checkpoint of what was validated.
    return base * std::max<int64_t>(1, (int64_t) std::ceil(std::min(needed, 1e15) / (double) base));
}

} // namespace forja
