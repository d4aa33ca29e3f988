#include "export/factor-fit.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ggml.h"
#include "ops/cpu/kernels.hpp"

namespace forja {

namespace {

// Keeps the normal equations solvable where a block's integers are all the same; next to nothing where they aren't.
constexpr double ridge = 1e-5;
// Rounding to F16 settles in two or three.
constexpr int rounding_rounds = 4;

/// normal = L L^T for a symmetric positive definite matrix of n rows, with a little more on its diagonal. factor: L's lower triangle.
void factorise(std::vector<double> & factor, const std::vector<double> & normal, size_t n) {
    factor = normal;
    for (size_t k = 0; k < n; ++k) {
        factor[k * n + k] *= 1.0 + ridge;
        factor[k * n + k] += 1e-30;
    }
    for (size_t j = 0; j < n; ++j) { // Cholesky, row by row
        for (size_t k = 0; k <= j; ++k) {
            double sum = factor[j * n + k];
            for (size_t i = 0; i < k; ++i) {
                sum -= factor[j * n + i] * factor[k * n + i];
            }
            factor[j * n + k] = j == k ? std::sqrt(std::max(sum, 1e-6 * factor[j * n + j])) : sum / factor[k * n + k];
        }
    }
}

/// L L^T x = right; right becomes x.
void solve(const std::vector<double> & factor, std::vector<double> & right, size_t n) {
    for (size_t j = 0; j < n; ++j) {
        for (size_t i = 0; i < j; ++i) {
            right[j] -= factor[j * n + i] * right[i];
        }
        right[j] /= factor[j * n + j];
    }
    for (size_t j = n; j-- > 0;) {
        for (size_t i = j + 1; i < n; ++i) {
            right[j] -= factor[i * n + j] * right[i];
        }
        right[j] /= factor[j * n + j];
    }
}

/// One row's stored numbers `now`, moved to where their normal equations want them. rounded(x): the nearest that can be stored.
template <typename Rounded> void move_numbers(size_t count, const Rounded & rounded, fit_scratch & s) {
    factorise(s.factor, s.normal, count);
    s.moved = s.right;
    solve(s.factor, s.moved, count);
    const std::vector<double> & start = s.start = s.now;
    const auto                  move_to = [&](size_t p, double value) {
        for (size_t k = 0; k < count; ++k) {
            s.gradient[k] -= (value - s.now[p]) * s.normal[p * count + k];
        }
        s.now[p] = value;
    };
    // Each in turn as the others leave it best; returns by how much the error is less than at the start.
    const auto descend = [&] {
        for (int round = 0; round < rounding_rounds; ++round) {
            for (size_t p = 0; p < count; ++p) {
                const double curvature = s.normal[p * count + p];
                const double better    = curvature > 0 ? rounded(s.now[p] + s.gradient[p] / curvature) : s.now[p];
                if (better != s.now[p]) {
                    move_to(p, better);
                }
            }
        }
        double gain = 0;
        for (size_t p = 0; p < count; ++p) {
            gain += (s.now[p] - start[p]) * (s.right[p] + s.gradient[p]);
        }
        return gain;
    };
    // From where they are: what is coarse, and has been rounded around, is often best left.
    s.gradient           = s.right; // how much each number still wants to move, times its own curvature
    const double near_by = descend();
    s.near_by            = s.now;
    // From where all would be if nothing were rounded, from the last to the first, each with those rounded before it made up for (Babai's
    // nearest plane).
    s.now      = start;
    s.gradient = s.right;
    s.missed.assign(count, 0.0);
    for (size_t p = count; p-- > 0;) {
        double wanted = start[p] + s.moved[p];
        for (size_t k = p + 1; k < count; ++k) {
            wanted += s.factor[k * count + p] / s.factor[p * count + p] * s.missed[k];
        }
        const double value = rounded(wanted);
        s.missed[p]        = start[p] + s.moved[p] - value;
        move_to(p, value);
    }
    if (descend() < near_by) {
        s.now.swap(s.near_by);
    }
}

float dot(const float * a, const float * b, int64_t n) { // eight sums, which compilers turn into vectors
    float sums[8] = {};
    for (int64_t i = 0; i < n; i += 8) {
        for (int64_t k = 0; k < 8; ++k) {
            sums[k] += a[i + k] * b[i + k];
        }
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// One level of scales: `per` numbers (a scale, and a minimum) for each group of values, whose multiples are in s.by_d and s.by_m.
/// numbers: load(r) gives row r's, store(r, values) takes them, rounded(x) is the nearest that can be stored.
template <typename Numbers> void fit_level(const second_moments & m, int64_t group, int64_t per, const float * error, int64_t n_rows, const Numbers & numbers, fit_scratch & s) {
    const int64_t n = m.n(), width = m.sketch_width(), n_groups = n / group, count = n_groups * per;
    // products[r][p] = u_p Y, u_p being the multiples of number p of row r; errors[r] = (w - v) Y.
    s.products.assign(static_cast<size_t>(n_rows * count * width), 0.0f);
    s.errors.assign(static_cast<size_t>(n_rows * width), 0.0f);
    s.block.resize(static_cast<size_t>(n_rows * group));
    const auto add_group = [&](const float * of, int64_t b, float * to, int64_t stride) {
        for (int64_t r = 0; r < n_rows; ++r) {
            std::copy_n(of + r * n + b * group, group, s.block.data() + r * group);
        }
        cpu::add_low_rank(to, stride, n_rows, m.sketch() + b * group * width, s.block.data(), width, group);
    };
    for (int64_t b = 0; b < n_groups; ++b) {
        add_group(s.by_d.data(), b, s.products.data() + b * per * width, count * width);
        if (per == 2) {
            add_group(s.by_m.data(), b, s.products.data() + (b * per + 1) * width, count * width);
        }
        add_group(error, b, s.errors.data(), width);
    }
    s.normal.resize(static_cast<size_t>(count * count));
    s.right.resize(static_cast<size_t>(count));
    for (int64_t r = 0; r < n_rows; ++r) {
        const float * products = s.products.data() + r * count * width;
        for (int64_t p = 0; p < count; ++p) {
            for (int64_t k = 0; k <= p; ++k) {
                const double value                             = dot(products + p * width, products + k * width, width);
                s.normal[static_cast<size_t>(p * count + k)] = value;
                s.normal[static_cast<size_t>(k * count + p)] = value;
            }
            s.right[static_cast<size_t>(p)] = dot(products + p * width, s.errors.data() + r * width, width);
        }
        for (int64_t i = 0; i < n; ++i) { // the damping
            const int64_t at = i / group * per;
            const double  d = s.by_d[static_cast<size_t>(r * n + i)], e = error[r * n + i], damping = m.damping();
            s.normal[static_cast<size_t>(at * count + at)] += damping * d * d;
            s.right[static_cast<size_t>(at)] += damping * d * e;
            if (per == 2) {
                const double by_m = s.by_m[static_cast<size_t>(r * n + i)];
                s.normal[static_cast<size_t>((at + 1) * count + at + 1)] += damping * by_m * by_m;
                s.normal[static_cast<size_t>((at + 1) * count + at)] += damping * d * by_m;
                s.normal[static_cast<size_t>(at * count + at + 1)] += damping * d * by_m;
                s.right[static_cast<size_t>(at + 1)] += damping * by_m * e;
            }
        }
        s.now.resize(static_cast<size_t>(count));
        numbers.load(r, s.now);
        move_numbers(static_cast<size_t>(count), [&](double x) { return numbers.rounded(x); }, s);
        numbers.store(r, s.now);
    }
}

/// The F16 factors of each block.
struct factors {
    const block_format & f;
    uint8_t *            rows; // at the part's first block
    size_t               row_bytes;

    static double rounded(double x) { return ggml_fp16_to_fp32(ggml_fp32_to_fp16(static_cast<float>(std::clamp(x, -65000.0, 65000.0)))); }

    uint8_t * place(int64_t r, size_t p) const {
        const size_t per = f.m_at >= 0 ? 2 : 1;
        return rows + static_cast<size_t>(r) * row_bytes + p / per * f.n_bytes + (p % per == 0 ? f.d_at : f.m_at);
    }
    void load(int64_t r, std::vector<double> & values) const {
        for (size_t p = 0; p < values.size(); ++p) {
            ggml_fp16_t stored;
            std::memcpy(&stored, place(r, p), sizeof(stored));
            values[p] = ggml_fp16_to_fp32(stored);
        }
    }
    void store(int64_t r, const std::vector<double> & values) const {
        for (size_t p = 0; p < values.size(); ++p) {
            const ggml_fp16_t stored = ggml_fp32_to_fp16(static_cast<float>(values[p]));
            std::memcpy(place(r, p), &stored, sizeof(stored));
        }
    }
};

/// The whole-number scales and minima within blocks; what moving them does is taken off the error.
struct scales {
    const block_format & f;
    uint8_t *            rows;
    size_t               row_bytes;
    int64_t              n;
    float *              error; // of all rows
    const fit_scratch &  s;

    double rounded(double x) const { return std::clamp(std::nearbyint(x), static_cast<double>(f.min_scale), static_cast<double>(f.max_scale)); }

    /// use(block, index of its first number)
    template <typename Use> void each_block(int64_t r, const Use & use) const {
        const size_t per = f.m_at >= 0 ? 2 : 1;
        for (int64_t b = 0; b < n / f.n_values; ++b) {
            use(rows + static_cast<size_t>(r) * row_bytes + static_cast<size_t>(b) * f.n_bytes, static_cast<size_t>(b * f.n_scales) * per);
        }
    }
    void load(int64_t r, std::vector<double> & values) const {
        const size_t per = f.m_at >= 0 ? 2 : 1;
        each_block(r, [&](const uint8_t * block, size_t first) {
            int16_t scale[16], minimum[16] = {};
            f.get_scales(block, scale, minimum);
            for (size_t j = 0; j < static_cast<size_t>(f.n_scales); ++j) {
                values[first + j * per] = scale[j];
                if (per == 2) {
                    values[first + j * per + 1] = minimum[j];
                }
            }
        });
    }
    void store(int64_t r, const std::vector<double> & values) const {
        const size_t  per   = f.m_at >= 0 ? 2 : 1;
        const int64_t group = f.n_values / f.n_scales;
        each_block(r, [&](uint8_t * block, size_t first) {
            int16_t scale[16], minimum[16] = {};
            f.get_scales(block, scale, minimum);
            for (size_t j = 0; j < static_cast<size_t>(f.n_scales); ++j) {
                const size_t p    = first + j * per;
                const float  by   = static_cast<float>(values[p]) - scale[j];
                const float  by_m = per == 2 ? static_cast<float>(values[p + 1]) - minimum[j] : 0.0f;
                for (int64_t i = static_cast<int64_t>(p / per) * group, end = i + group; i < end; ++i) {
                    const size_t at = static_cast<size_t>(r * n + i);
                    error[at] -= by * s.by_d[at] + (per == 2 ? by_m * s.by_m[at] : 0.0f);
                }
                scale[j] = static_cast<int16_t>(values[p]);
                minimum[j] = static_cast<int16_t>(per == 2 ? values[p + 1] : 0);
            }
            f.set_scales(block, scale, minimum);
        });
    }
};

} // namespace

void fit_factors(const block_format & f, const second_moments & m, const float * error, int64_t n_rows, uint8_t * rows, size_t row_bytes, fit_scratch & s) {
    const int64_t n = m.n(), per = f.m_at >= 0 ? 2 : 1;
    uint8_t *     first = rows + static_cast<size_t>(m.first() / f.n_values) * f.n_bytes;
    s.by_d.resize(static_cast<size_t>(n_rows * n));
    s.by_m.resize(static_cast<size_t>(n_rows * n));
    s.left.assign(error, error + n_rows * n);
    const auto multiples = [&](const auto & read) {
        for (int64_t r = 0; r < n_rows; ++r) {
            read(f, first + static_cast<size_t>(r) * row_bytes, n, s.by_d.data() + r * n, s.by_m.data() + r * n, s.bytes);
        }
    };
    if (f.n_scales > 0) {
        multiples(read_scale_multiples);
        fit_level(m, f.n_values / f.n_scales, per, s.left.data(), n_rows, scales{f, first, row_bytes, n, s.left.data(), s}, s);
    }
    multiples(read_multiples);
    fit_level(m, f.n_values, per, s.left.data(), n_rows, factors{f, first, row_bytes}, s);
}

} // namespace forja
