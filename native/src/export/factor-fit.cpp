#include "export/factor-fit.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ggml.h"
#include "ops/cpu/rounding-kernels.hpp"

namespace forja {

namespace {

using cpu::rounding_rows;

// Keeps the normal equations solvable where a block's integers are all the same; next to nothing where they aren't.
constexpr float ridge = 1e-5f;
// Rounding to F16 settles in two or three.
constexpr int rounding_rounds = 3;

constexpr size_t R = static_cast<size_t>(rounding_rows);

/// use(at, r) for each number of an array of R rows side by side.
template <typename Use> void each_number(size_t size, const Use & use) {
    for (size_t at = 0; at < size; at += R) {
        for (size_t r = 0; r < R; ++r) {
            use(at + r, r);
        }
    }
}

/// L L^T x = x, for R systems of `count` at a time.
void solve(const std::vector<float> & factor, std::vector<float> & x, size_t count) {
    for (size_t j = 0; j < count; ++j) {
        float * xj = x.data() + j * R;
        for (size_t i = 0; i < j; ++i) {
            const float *l = factor.data() + (j * count + i) * R, *xi = x.data() + i * R;
            for (size_t r = 0; r < R; ++r) {
                xj[r] -= l[r] * xi[r];
            }
        }
        const float * d = factor.data() + (j * count + j) * R;
        for (size_t r = 0; r < R; ++r) {
            xj[r] /= d[r];
        }
    }
    for (size_t j = count; j-- > 0;) {
        float *       xj = x.data() + j * R;
        const float * d  = factor.data() + (j * count + j) * R;
        for (size_t r = 0; r < R; ++r) {
            xj[r] /= d[r];
        }
        for (size_t i = 0; i < j; ++i) {
            const float * l  = factor.data() + (j * count + i) * R;
            float *       xi = x.data() + i * R;
            for (size_t r = 0; r < R; ++r) {
                xi[r] -= l[r] * xj[r];
            }
        }
    }
}

/// Moves the stored numbers s.now of R rows to where their normal equations want them. rounded(x): the nearest that can be stored.
template <typename Rounded> void move_numbers(size_t count, const Rounded & rounded, fit_scratch & s) {
    cpu::factorise_normal(s.factor.data(), s.normal.data(), static_cast<int64_t>(count), ridge);
    s.moved = s.right;
    solve(s.factor, s.moved, count);
    s.start           = s.now;
    const auto move_to = [&](size_t p, const float * value) {
        float   by[R];
        bool    moves = false;
        float * now   = s.now.data() + p * R;
        for (size_t r = 0; r < R; ++r) {
            by[r] = value[r] - now[r];
            moves |= by[r] != 0.0f;
            now[r] = value[r];
        }
        for (size_t k = 0; k < count && moves; ++k) {
            float *       g = s.gradient.data() + k * R;
            const float * h = s.normal.data() + (p * count + k) * R;
            for (size_t r = 0; r < R; ++r) {
                g[r] -= by[r] * h[r];
            }
        }
    };
    // Each in turn as the others leave it best; gain[r]: by how much row r's error is less than at the start.
    const auto descend = [&](float * gain) {
        float better[R];
        for (int round = 0; round < rounding_rounds; ++round) {
            for (size_t p = 0; p < count; ++p) {
                const float *now = s.now.data() + p * R, *g = s.gradient.data() + p * R, *h = s.normal.data() + (p * count + p) * R;
                for (size_t r = 0; r < R; ++r) {
                    better[r] = h[r] > 0.0f ? rounded(now[r] + g[r] / h[r]) : now[r];
                }
                move_to(p, better);
            }
        }
        std::fill_n(gain, R, 0.0f);
        each_number(count * R, [&](size_t at, size_t r) { gain[r] += (s.now[at] - s.start[at]) * (s.right[at] + s.gradient[at]); });
    };
    // From where they are: what is coarse, and has been rounded around, is often best left.
    float near_by[R], far[R];
    s.gradient = s.right; // how much each number still wants to move, times its own curvature
    descend(near_by);
    s.near_by = s.now;
    // From where all would be if nothing were rounded, from the last to the first, each with those rounded before it made up for (Babai's
    // nearest plane).
    s.now      = s.start;
    s.gradient = s.right;
    s.missed.assign(count * R, 0.0f);
    for (size_t p = count; p-- > 0;) {
        float         value[R], made_up[R] = {};
        const float * d = s.factor.data() + (p * count + p) * R;
        for (size_t k = p + 1; k < count; ++k) {
            const float *l = s.factor.data() + (k * count + p) * R, *missed = s.missed.data() + k * R;
            for (size_t r = 0; r < R; ++r) {
                made_up[r] += l[r] * missed[r];
            }
        }
        for (size_t r = 0; r < R; ++r) {
            const float best = s.start[p * R + r] + s.moved[p * R + r];
            value[r]         = rounded(best + made_up[r] / d[r]);
            s.missed[p * R + r] = best - value[r];
        }
        move_to(p, value);
    }
    descend(far);
    each_number(count * R, [&](size_t at, size_t r) { s.now[at] = far[r] < near_by[r] ? s.near_by[at] : s.now[at]; });
}

/// One level of scales of the columns [first, first + n): `per` numbers (a scale, and a minimum) for each group of values, whose multiples are in
/// s.by_d and s.by_m. numbers: load(values) reads those of all rows, store(values) writes them, rounded(x) is the nearest that can be stored.
template <typename Numbers> void fit_level(const input_basis & basis, int64_t first, int64_t n, int64_t group, int64_t per, const Numbers & numbers, fit_scratch & s) {
    const int64_t w = basis.width();
    const size_t  count = static_cast<size_t>(n / group * per), size = static_cast<size_t>(w) * R;
    s.products.assign(count * size, 0.0f);
    for (std::vector<float> * room : {&s.right, &s.gradient, &s.now}) {
        room->assign(count * R, 0.0f);
    }
    s.normal.resize(count * count * R);
    s.factor.resize(count * count * R);
    const auto multiples = [&](size_t p) {
        const std::vector<float> & by = per == 2 && p % 2 == 1 ? s.by_m : s.by_d;
        return by.data() + static_cast<size_t>(first + static_cast<int64_t>(p) / per * group) * R;
    };
    for (size_t p = 0; p < count; ++p) {
        cpu::add_multiples(s.products.data() + p * size, multiples(p), basis.sketch() + (first + static_cast<int64_t>(p) / per * group) * w, group, w);
    }
    cpu::normal_equations(s.normal.data(), s.products.data(), static_cast<int64_t>(count), w);
    const size_t values = static_cast<size_t>(group) * R;
    for (size_t p = 0; p < count; ++p) {
        const float *of = s.products.data() + p * size, *u = multiples(p), *e = s.error.data() + static_cast<size_t>(first + static_cast<int64_t>(p) / per * group) * R;
        float *      right = s.right.data() + p * R;
        const float * z   = s.residual.data();
        float *       own = s.normal.data() + (p * count + p) * R;
        each_number(size, [&](size_t at, size_t r) { right[r] += of[at] * z[at]; });
        each_number(values, [&](size_t at, size_t r) { // the damping
            right[r] += basis.damping() * u[at] * e[at];
            own[r] += basis.damping() * u[at] * u[at];
        });
        if (per == 2 && p % 2 == 1) { // with the scale of the same values
            const float * other = multiples(p - 1);
            float *       a = s.normal.data() + (p * count + p - 1) * R, *b = s.normal.data() + ((p - 1) * count + p) * R;
            each_number(values, [&](size_t at, size_t r) {
                const float both = basis.damping() * u[at] * other[at];
                a[r] += both;
                b[r] += both;
            });
        }
    }
    numbers.load(s.now);
    move_numbers(count, [&](float x) { return numbers.rounded(x); }, s);
    numbers.store(s.now);
    for (size_t p = 0; p < count; ++p) { // what moving them did
        const float *of = s.products.data() + p * size, *u = multiples(p);
        float *      e = s.error.data() + static_cast<size_t>(first + static_cast<int64_t>(p) / per * group) * R;
        float        by[R];
        for (size_t r = 0; r < R; ++r) {
            by[r] = s.now[p * R + r] - s.start[p * R + r];
        }
        float * z = s.residual.data();
        each_number(size, [&](size_t at, size_t r) { z[at] -= by[r] * of[at]; });
        each_number(values, [&](size_t at, size_t r) { e[at] -= by[r] * u[at]; });
    }
}

/// Blocks of some rows, and how their numbers are kept.
struct blocks {
    const block_format & f;
    uint8_t *            rows; // at the first block
    size_t               row_bytes;
    int64_t              n_rows;

    size_t    per() const { return f.m_at >= 0 ? 2 : 1; }
    uint8_t * block(int64_t r, size_t b) const { return rows + static_cast<size_t>(r) * row_bytes + b * f.n_bytes; }
};

/// The F16 factors of each block.
struct factors : blocks {
    static float rounded(float x) { return ggml_fp16_to_fp32(ggml_fp32_to_fp16(std::clamp(x, -65000.0f, 65000.0f))); }

    uint8_t * place(int64_t r, size_t p) const { return block(r, p / per()) + (p % per() == 0 ? f.d_at : f.m_at); }
    void      load(std::vector<float> & values) const {
        for (size_t p = 0; p < values.size() / R; ++p) {
            for (int64_t r = 0; r < n_rows; ++r) {
                ggml_fp16_t stored;
                std::memcpy(&stored, place(r, p), sizeof(stored));
                values[p * R + static_cast<size_t>(r)] = ggml_fp16_to_fp32(stored);
            }
        }
    }
    void store(const std::vector<float> & values) const {
        for (size_t p = 0; p < values.size() / R; ++p) {
            for (int64_t r = 0; r < n_rows; ++r) {
                const ggml_fp16_t stored = ggml_fp32_to_fp16(values[p * R + static_cast<size_t>(r)]);
                std::memcpy(place(r, p), &stored, sizeof(stored));
            }
        }
    }
};

/// The whole-number scales and minima within blocks.
struct scales : blocks {
    float rounded(float x) const { return std::clamp(std::nearbyint(x), static_cast<float>(f.min_scale), static_cast<float>(f.max_scale)); }

    /// use(number, its scale or minimum)
    template <typename Use> void each(int64_t r, size_t count, bool changes, const Use & use) const {
        const size_t n_scales = static_cast<size_t>(f.n_scales);
        for (size_t b = 0; b * n_scales * per() < count; ++b) {
            int16_t scale[16], minimum[16] = {};
            f.get_scales(block(r, b), scale, minimum);
            for (size_t j = 0; j < n_scales; ++j) {
                use((b * n_scales + j) * per(), scale[j]);
                if (per() == 2) {
                    use((b * n_scales + j) * 2 + 1, minimum[j]);
                }
            }
            if (changes) {
                f.set_scales(block(r, b), scale, minimum);
            }
        }
    }
    void load(std::vector<float> & values) const {
        for (int64_t r = 0; r < n_rows; ++r) {
            each(r, values.size() / R, false, [&](size_t p, int16_t x) { values[p * R + static_cast<size_t>(r)] = x; });
        }
    }
    void store(const std::vector<float> & values) const {
        for (int64_t r = 0; r < n_rows; ++r) {
            each(r, values.size() / R, true, [&](size_t p, int16_t & x) { x = static_cast<int16_t>(values[p * R + static_cast<size_t>(r)]); });
        }
    }
};

} // namespace

void fit_factors(const block_format & f, const input_basis & basis, int64_t n_rows, uint8_t * rows, size_t row_bytes, fit_scratch & s) {
    const int64_t n = basis.n(), per = f.m_at >= 0 ? 2 : 1;
    constexpr int64_t widest = 256; // of ggml's blocks
    const int64_t     parts = (n + fit_columns - 1) / fit_columns, columns = parts == 1 ? n : (n / parts + widest - 1) / widest * widest;
    for (std::vector<float> * by : {&s.by_d, &s.by_m}) {
        by->assign(static_cast<size_t>(n) * R, 0.0f);
    }
    s.row_d.resize(static_cast<size_t>(n));
    s.row_m.resize(static_cast<size_t>(n));
    const auto read = [&](const auto & read_row) {
        for (int64_t r = 0; r < n_rows; ++r) {
            read_row(f, rows + static_cast<size_t>(r) * row_bytes, n, s.row_d.data(), s.row_m.data(), s.bytes);
            for (int64_t i = 0; i < n; ++i) {
                s.by_d[static_cast<size_t>(i * rounding_rows + r)] = s.row_d[static_cast<size_t>(i)];
                s.by_m[static_cast<size_t>(i * rounding_rows + r)] = per == 2 ? s.row_m[static_cast<size_t>(i)] : 0.0f;
            }
        }
    };
    const auto fit = [&](int64_t group, const auto & numbers_at) {
        for (int64_t first = 0; first < n; first += columns) {
            const blocks at{f, rows + static_cast<size_t>(first / f.n_values) * f.n_bytes, row_bytes, n_rows};
            fit_level(basis, first, std::min(columns, n - first), group, per, numbers_at(at), s);
        }
    };
    if (f.n_scales > 0) {
        read(read_scale_multiples);
        fit(f.n_values / f.n_scales, [](const blocks & at) { return scales{at}; });
    }
    read(read_multiples);
    fit(f.n_values, [](const blocks & at) { return factors{at}; });
}

} // namespace forja
