// Learning rates over a run: linear warmup from zero, then linear, cosine or constant.
#pragma once

#include <cstdint>
#include <string>

namespace forja {

struct schedule_settings {
    double      learning_rate; // the peak
    std::string lr_scheduler;  // linear, cosine, constant
    int64_t     warmup_steps, total_steps;
};

/// Steps of warmup: warmup_steps when above 0, else warmup_ratio of all steps, rounded up. A run of one step has none: a warmup's
/// first step has rate 0, so the run would learn nothing.
int64_t warmup_of(int64_t warmup_steps, double warmup_ratio, int64_t total_steps);

/// Learning rate of step s = 1 … total_steps. With k = s - 1 and w warmup steps: k / w during warmup, so the first step of a
/// warmup has rate 0, as in transformers' get_*_schedule_with_warmup; then (N - k) / (N - w) or (1 + cos(pi (k - w) / (N - w))) / 2.
double learning_rate_at(const schedule_settings & s, int64_t step);

} // namespace forja
