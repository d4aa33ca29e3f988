#include "export/feedback-rounding.hpp"

#include <algorithm>
#include <cmath>

#include "ops/cpu/kernels.hpp"

namespace forja {

namespace {

/// Rows that are rounded together: M's panels are read once for all of them.
constexpr int64_t tile_rows = 16;
/// Of coordinate descent, at most.
constexpr int sweeps = 2;

/// One tile, its columns in the order of the moments.
struct tile {
    int64_t n, n_rows;
    int     max_q;
    float * wanted; // [n_rows][n] the weights
    float * target; // … with the errors before them made up for
    float * error;  // … minus the grid's values
    float * offset, *step;
    uint8_t * q;
};

uint8_t nearest(float value, float offset, float step, int max_q) {
    if (step == 0.0f) {
        return 0;
    }
    return static_cast<uint8_t>(std::clamp(std::nearbyint((value - offset) / step), 0.0f, static_cast<float>(max_q)));
}

/// Column by column, panel by panel.
void feed_errors_forward(const tile & t, const second_moments & m) {
    std::vector<float> errors(static_cast<size_t>(t.n_rows * second_moments::panel_rows));
    for (int64_t p = 0; p < m.n_panels(); ++p) {
        const int64_t k0 = p * second_moments::panel_rows, k1 = std::min(t.n, k0 + second_moments::panel_rows), width = k1 - k0;
        for (int64_t r = 0; r < t.n_rows; ++r) {
            float * target = t.target + r * t.n;
            for (int64_t k = k0; k < k1; ++k) {
                const int64_t i = r * t.n + k;
                t.q[i]          = nearest(target[k], t.offset[i], t.step[i], t.max_q);
                const float e   = t.wanted[i] - (t.offset[i] + static_cast<float>(t.q[i]) * t.step[i]);
                t.error[i]      = e;
                errors[static_cast<size_t>(r * width + k - k0)] = e;
                const float * row = m.inner(p) + (k - k0) * width;
                for (int64_t j = k + 1; j < k1; ++j) {
                    target[j] += e * row[j - k0];
                }
            }
        }
        if (k1 < t.n) {
            cpu::add_low_rank(t.target + k1, t.n, t.n_rows, m.outer(p), errors.data(), t.n - k1, width);
        }
    }
}

/// Each integer in turn as the others leave it best. @returns how many changed
int64_t descend(const tile & t, const second_moments & m, float * gradient) {
    int64_t changed = 0;
    for (int64_t r = 0; r < t.n_rows; ++r) {
        float * g = gradient + r * t.n;
        for (int64_t k = 0; k < t.n; ++k) {
            const int64_t i   = r * t.n + k;
            const float   now = t.offset[i] + static_cast<float>(t.q[i]) * t.step[i];
            const uint8_t q   = nearest(now + g[k] / m.diagonal(k), t.offset[i], t.step[i], t.max_q);
            if (q == t.q[i]) {
                continue;
            }
            const float by = static_cast<float>(q - t.q[i]) * t.step[i];
            t.q[i]         = q;
            t.error[i] -= by;
            const float * h = m.h() + k * t.n;
            for (int64_t j = 0; j < t.n; ++j) {
                g[j] -= by * h[j];
            }
            ++changed;
        }
    }
    return changed;
}

/// (w - v) H, for coordinate descent.
void find_gradient(const tile & t, const second_moments & m, float * gradient) {
    std::fill_n(gradient, t.n_rows * t.n, 0.0f);
    cpu::add_low_rank(gradient, t.n, t.n_rows, m.h(), t.error, t.n, t.n);
}

} // namespace

void round_with_feedback(const block_format & format, const input_moments & moments, const float * rows, int64_t n_rows, uint8_t * bytes, rounding_scratch & s) {
    const int64_t n         = static_cast<int64_t>(moments.mean_squares().size());
    const size_t  row_bytes = static_cast<size_t>(n / format.n_values) * format.n_bytes;
    for (std::vector<float> * room : {&s.wanted, &s.target, &s.error, &s.gradient, &s.offset, &s.step, &s.all_offsets, &s.all_steps, &s.all_errors}) {
        room->resize(static_cast<size_t>(tile_rows * n));
    }
    s.q.resize(static_cast<size_t>(tile_rows * n));
    s.all_q.resize(static_cast<size_t>(tile_rows * n));
    for (int64_t first = 0; first < n_rows; first += tile_rows) {
        const int64_t count = std::min(tile_rows, n_rows - first);
        uint8_t *     out   = bytes + static_cast<size_t>(first) * row_bytes;
        for (int round = 0; round < (format.n_scales > 0 ? 2 : 1); ++round) {
            for (int64_t r = 0; r < count; ++r) {
                read_grid(format, out + static_cast<size_t>(r) * row_bytes, n, s.all_offsets.data() + r * n, s.all_steps.data() + r * n, s.bytes);
            }
            for (const second_moments & m : moments.parts()) {
                const tile t{m.n(), count, format.max_q, s.wanted.data(), s.target.data(), s.error.data(), s.offset.data(), s.step.data(), s.q.data()};
                // use(place in the tile, place among all columns)
                const auto each = [&](const auto & use) {
                    for (int64_t r = 0; r < count; ++r) {
                        for (int64_t k = 0; k < t.n; ++k) {
                            use(static_cast<size_t>(r * t.n + k), r, m.order()[static_cast<size_t>(k)]);
                        }
                    }
                };
                each([&](size_t at, int64_t r, int64_t i) {
                    const size_t from = static_cast<size_t>(r * n + m.first() + i);
                    t.wanted[at] = t.target[at] = rows[static_cast<size_t>(first * n) + from];
                    t.offset[at]                = s.all_offsets[from];
                    t.step[at]                  = s.all_steps[from];
                });
                if (round == 0) {
                    feed_errors_forward(t, m);
                } else {
                    each([&](size_t at, int64_t r, int64_t i) {
                        t.q[at]     = s.all_q[static_cast<size_t>(r * n + m.first() + i)];
                        t.error[at] = t.wanted[at] - (t.offset[at] + static_cast<float>(t.q[at]) * t.step[at]);
                    });
                }
                find_gradient(t, m, s.gradient.data());
                for (int i = 0; i < sweeps && descend(t, m, s.gradient.data()) > 0; ++i) {
                }
                each([&](size_t at, int64_t r, int64_t i) { s.all_q[static_cast<size_t>(r * n + m.first() + i)] = t.q[at]; });
            }
            for (int64_t r = 0; r < count; ++r) {
                write_integers(format, out + static_cast<size_t>(r) * row_bytes, n, s.all_q.data() + r * n);
            }
            for (const second_moments & m : moments.parts()) {
                for (int64_t r = 0; r < count; ++r) {
                    for (int64_t i = 0; i < m.n(); ++i) {
                        const size_t at                                   = static_cast<size_t>(r * n + m.first() + i);
                        const float  value                                = s.all_offsets[at] + static_cast<float>(s.all_q[at]) * s.all_steps[at];
                        s.all_errors[static_cast<size_t>(r * m.n() + i)] = rows[static_cast<size_t>(first * n) + at] - value;
                    }
                }
                fit_factors(format, m, s.all_errors.data(), count, out, row_bytes, s.fit);
            }
        }
    }
}

} // namespace forja
