#include "export/second-moments.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "export/share-out.hpp"
#include "ggml.h"
#include "ops/cpu/kernels.hpp"

namespace forja {

namespace {

// Rows of H that one thread takes at a time.
constexpr int64_t tile_rows = 32;
// Inputs of the sample that are added at a time.
constexpr int64_t sample_rows = 256;
// Four times as many as a row has factors (one for 16 values), so that fitting them to the sketch is nearly as good as to the sample.
int64_t sketch_columns(int64_t n) { return std::clamp<int64_t>(n / 4, 128, 768); }

} // namespace

second_moments::second_moments(const input_sample & sample, int64_t first, int64_t n, float damping, int threads) : first_(first), n_(n) {
    sum(sample, threads);
    std::vector<float> squares(static_cast<size_t>(n_));
    for (int64_t k = 0; k < n_; ++k) {
        squares[static_cast<size_t>(k)] = diagonal(k);
    }
    std::nth_element(squares.begin(), squares.begin() + n_ / 2, squares.end());
    damping_ = damping * squares[static_cast<size_t>(n_ / 2)] + 1e-20f;
    for (int64_t k = 0; k < n_; ++k) {
        h_[static_cast<size_t>(k * n_ + k)] += damping_;
    }
    factorise(threads);
    make_sketch(sample);
}

void second_moments::make_sketch(const input_sample & sample) {
    const int64_t count = sample.count();
    sketch_width_       = (std::min(count, sketch_columns(n_)) + 7) / 8 * 8;
    sketch_.assign(static_cast<size_t>(n_ * sketch_width_), 0.0f);
    std::vector<float> x(static_cast<size_t>(n_));
    const float        scale = 1.0f / std::sqrt(static_cast<float>(std::max<int64_t>(count, 1)));
    uint64_t           state = 0x9e3779b97f4a7c15u;
    for (int64_t t = 0; t < count; ++t) {
        ggml_bf16_to_fp32_row(reinterpret_cast<const ggml_bf16_t *>(sample.values.data() + t * sample.n + first_), x.data(), n_);
        state ^= state << 13, state ^= state >> 7, state ^= state << 17; // xorshift
        const int64_t column = t % sketch_width_;
        const float   factor = (state & 1) != 0 ? scale : -scale;
        for (int64_t i = 0; i < n_; ++i) {
            sketch_[static_cast<size_t>(i * sketch_width_ + column)] += factor * x[static_cast<size_t>(i)];
        }
    }
}

void second_moments::sum(const input_sample & sample, int threads) {
    const int64_t            n = n_, count = sample.count();
    const std::vector<float> squares = mean_squares_of(sample);
    const auto               square  = [&](int32_t i) { return squares[static_cast<size_t>(first_ + i)]; };
    order_.resize(static_cast<size_t>(n));
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](int32_t a, int32_t b) { return square(a) > square(b); });

    std::vector<float> x(static_cast<size_t>(n));
    h_.assign(static_cast<size_t>(n * n), 0.0f);
    std::vector<float> rows(static_cast<size_t>(sample_rows * n)), columns(static_cast<size_t>(sample_rows * n));
    const float        scale = 1.0f / std::sqrt(static_cast<float>(std::max<int64_t>(count, 1)));
    for (int64_t first = 0; first < count; first += sample_rows) {
        const int64_t r = std::min(sample_rows, count - first);
        for (int64_t t = 0; t < r; ++t) {
            ggml_bf16_to_fp32_row(reinterpret_cast<const ggml_bf16_t *>(sample.values.data() + (first + t) * sample.n + first_), x.data(), n);
            for (int64_t k = 0; k < n; ++k) {
                const float value                             = scale * x[static_cast<size_t>(order_[static_cast<size_t>(k)])];
                rows[static_cast<size_t>(t * n + k)]    = value;
                columns[static_cast<size_t>(k * r + t)] = value;
            }
        }
        // The lower triangle is enough; a tile's rows are as long as its last.
        share_out(static_cast<size_t>((n + tile_rows - 1) / tile_rows), threads, [&](size_t tile, int) {
            const int64_t k0 = static_cast<int64_t>(tile) * tile_rows, k1 = std::min(n, k0 + tile_rows);
            std::vector<float> a(static_cast<size_t>(r * k1));
            for (int64_t t = 0; t < r; ++t) {
                std::memcpy(a.data() + t * k1, rows.data() + t * n, static_cast<size_t>(k1) * sizeof(float));
            }
            cpu::add_low_rank(h_.data() + k0 * n, n, k1 - k0, a.data(), columns.data() + k0 * r, k1, r);
        });
    }
    for (int64_t k = 0; k < n; ++k) {
        for (int64_t j = k + 1; j < n; ++j) {
            h_[static_cast<size_t>(k * n + j)] = h_[static_cast<size_t>(j * n + k)];
        }
    }
}

void second_moments::factorise(int threads) {
    // From the last column to the first: M's column k is what is left of H's, divided by its diagonal.
    const int64_t      n = n_;
    std::vector<float> left = h_;
    panels_.resize(static_cast<size_t>(n_panels()));
    for (int64_t p = 0; p < n_panels(); ++p) {
        const int64_t k0 = p * panel_rows, k1 = std::min(n, k0 + panel_rows);
        panels_[static_cast<size_t>(p)].inner.assign(static_cast<size_t>((k1 - k0) * (k1 - k0)), 0.0f);
        panels_[static_cast<size_t>(p)].outer.assign(static_cast<size_t>((k1 - k0) * (n - k1)), 0.0f);
    }
    for (int64_t p = n_panels() - 1; p >= 0; --p) {
        const int64_t k0 = p * panel_rows, k1 = std::min(n, k0 + panel_rows), r = k1 - k0;
        // columns: M[j][k0 …) for j < k1; weighted: -D times it, transposed, for the rows above.
        std::vector<float> columns(static_cast<size_t>(k1 * r), 0.0f), weighted(static_cast<size_t>(r * k0));
        std::vector<double> d(static_cast<size_t>(r));
        for (int64_t k = k1 - 1; k >= k0; --k) {
            // Column k, with what the columns after it in this panel take away.
            const double pivot = left[static_cast<size_t>(k * n + k)];
            const double floor = 1e-6 * h_[static_cast<size_t>(k * n + k)]; // below this it is rounding error
            d[static_cast<size_t>(k - k0)] = std::max(pivot, floor);
            for (int64_t j = 0; j <= k; ++j) {
                columns[static_cast<size_t>(j * r + k - k0)] = j == k ? 1.0f : static_cast<float>(left[static_cast<size_t>(j * n + k)] / d[static_cast<size_t>(k - k0)]);
            }
            for (int64_t j = 0; j < k; ++j) {
                const float c = columns[static_cast<size_t>(j * r + k - k0)] * static_cast<float>(d[static_cast<size_t>(k - k0)]);
                for (int64_t i = k0; i < k; ++i) {
                    left[static_cast<size_t>(j * n + i)] -= c * columns[static_cast<size_t>(i * r + k - k0)];
                }
            }
        }
        for (int64_t k = 0; k < r; ++k) {
            for (int64_t j = 0; j < k0; ++j) {
                weighted[static_cast<size_t>(k * k0 + j)] = -static_cast<float>(d[static_cast<size_t>(k)]) * columns[static_cast<size_t>(j * r + k)];
            }
        }
        share_out(static_cast<size_t>((k0 + tile_rows - 1) / tile_rows), threads, [&](size_t tile, int) {
            const int64_t j0 = static_cast<int64_t>(tile) * tile_rows, j1 = std::min(k0, j0 + tile_rows);
            cpu::add_low_rank(left.data() + j0 * n, n, j1 - j0, weighted.data(), columns.data() + j0 * r, k0, r);
        });
        // Into the panels of the rows.
        for (int64_t j = 0; j < k1; ++j) {
            const int64_t row_panel = j / panel_rows, r0 = row_panel * panel_rows, r1 = std::min(n, r0 + panel_rows);
            panel &       to = panels_[static_cast<size_t>(row_panel)];
            float *       at = row_panel == p ? to.inner.data() + (j - r0) * (r1 - r0) : to.outer.data() + (j - r0) * (n - r1) + (k0 - r1);
            std::memcpy(at, columns.data() + j * r, static_cast<size_t>(r) * sizeof(float));
        }
    }
}

std::vector<float> mean_squares_of(const input_sample & sample) {
    std::vector<double> sums(static_cast<size_t>(sample.n), 0.0);
    std::vector<float>  x(static_cast<size_t>(sample.n));
    for (int64_t t = 0; t < sample.count(); ++t) {
        ggml_bf16_to_fp32_row(reinterpret_cast<const ggml_bf16_t *>(sample.values.data() + t * sample.n), x.data(), sample.n);
        for (size_t i = 0; i < sums.size(); ++i) {
            sums[i] += static_cast<double>(x[i]) * x[i];
        }
    }
    std::transform(sums.begin(), sums.end(), x.begin(), [&](double sum) { return static_cast<float>(sum / static_cast<double>(std::max<int64_t>(sample.count(), 1))); });
    return x;
}

input_moments::input_moments(const input_sample & sample, float damping, int threads) : mean_squares_(mean_squares_of(sample)) {
    constexpr int64_t block = 256; // the widest of ggml's
    const int64_t     count = (sample.n + max_part - 1) / max_part;
    const int64_t     width = count == 1 ? sample.n : (sample.n / count + block - 1) / block * block;
    for (int64_t first = 0; first < sample.n; first += width) {
        parts_.emplace_back(sample, first, std::min(width, sample.n - first), damping, threads);
    }
}

} // namespace forja
