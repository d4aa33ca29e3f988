#include "optim/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace forja {

namespace {
constexpr double pi = 3.14159265358979323846;
}

int64_t warmup_of(int64_t warmup_steps, double warmup_ratio, int64_t total_steps) {
    if (total_steps <= 1) {
        return 0;
    }
    return warmup_steps > 0 ? warmup_steps : (int64_t) std::ceil(warmup_ratio * (double) total_steps);
}

double learning_rate_at(const schedule_settings & s, int64_t step) {
    const double k = (double) (step - 1), w = (double) s.warmup_steps, n = (double) s.total_steps;
    if (k < w) {
        return s.learning_rate * k / std::max(1.0, w);
    }
    if (s.lr_scheduler == "constant") {
        return s.learning_rate;
    }
    const double progress = (k - w) / std::max(1.0, n - w);
    if (s.lr_scheduler == "cosine") {
        return s.learning_rate * std::max(0.0, 0.5 * (1.0 + std::cos(pi * progress)));
    }
    return s.learning_rate * std::max(0.0, 1.0 - progress);
}

} // namespace forja
