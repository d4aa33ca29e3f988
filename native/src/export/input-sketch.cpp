#include "export/input-sketch.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/cpu/rounding-kernels.hpp"

namespace forja {

void input_sketch::add(int64_t column, uint64_t time, const float * x) {
    uint64_t hash = (static_cast<uint64_t>(column) << 40) + time + 0x9e3779b97f4a7c15u; // splitmix64
    hash          = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash          = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    float *     to   = columns_.data() + column * n_;
    const float sign = ((hash >> 31) & 1) != 0 ? 1.0f : -1.0f;
    for (int64_t i = 0; i < n_; ++i) {
        to[i] += sign * x[i];
    }
    ++counts_[static_cast<size_t>(column)];
}

uint64_t input_sketch::count() const { return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0}); }

std::vector<float> input_sketch::rows() const {
    const float        scale = 1.0f / std::sqrt(static_cast<float>(std::max<uint64_t>(count(), 1)));
    std::vector<float> y(columns_.size());
    for (int64_t c = 0; c < width_; ++c) {
        for (int64_t i = 0; i < n_; ++i) {
            y[static_cast<size_t>(i * width_ + c)] = scale * columns_[static_cast<size_t>(c * n_ + i)];
        }
    }
    return y;
}

input_basis::input_basis(const input_sketch & sketch, float damping)
    : n_(sketch.n()), width_(sketch.width()), sketch_(sketch.rows()), feedback_(sketch_.size()), curvature_(static_cast<size_t>(n_)), mean_squares_(static_cast<size_t>(n_)),
      order_(static_cast<size_t>(n_)) {
    for (int64_t i = 0; i < n_; ++i) {
        double sum = 0;
        for (int64_t j = 0; j < width_; ++j) {
            const double y = sketch_[static_cast<size_t>(i * width_ + j)];
            sum += y * y;
        }
        mean_squares_[static_cast<size_t>(i)] = static_cast<float>(sum);
    }
    std::iota(order_.begin(), order_.end(), 0);
    const auto square = [&](int32_t i) { return mean_squares_[static_cast<size_t>(i)]; };
    std::stable_sort(order_.begin(), order_.end(), [&](int32_t a, int32_t b) { return square(a) > square(b); });
    damping_ = damping * square(order_[static_cast<size_t>(n_ / 2)]) + 1e-20f;
    std::transform(mean_squares_.begin(), mean_squares_.end(), curvature_.begin(), [&](float s) { return s + damping_; });
    std::vector<double> room(static_cast<size_t>(width_ * width_ + 2 * width_));
    cpu::find_feedback(feedback_.data(), sketch_.data(), order_.data(), n_, width_, damping_, room.data());
}

} // namespace forja
