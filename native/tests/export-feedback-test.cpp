// Rounding that knows the inputs: integers in and out of every block format, the sketch and its feedback by hand, and that outputs on
// inputs that were not in the sketch keep an update that nearest rounding loses.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "export/block-format.hpp"
#include "export/feedback-rounding.hpp"
#include "export/input-sketch.hpp"
#include "export/merge-rows.hpp"
#include "ops/cpu/rounding-kernels.hpp"
#include "support/kernel-checks.hpp"
#include "support/report.hpp"

using namespace forja;
using namespace forja::test;

namespace {

constexpr ggml_type even_types[] = {GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_Q8_0,
                                    GGML_TYPE_Q2_K, GGML_TYPE_Q3_K, GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K};

std::vector<uint8_t> quantised(ggml_type type, const std::vector<float> & rows, int64_t n) {
    const int64_t        n_rows = static_cast<int64_t>(rows.size()) / n;
    std::vector<uint8_t> bytes(ggml_row_size(type, n) * static_cast<size_t>(n_rows));
    ggml_quantize_chunk(type, rows.data(), bytes.data(), 0, n_rows, n, nullptr);
    return bytes;
}

std::vector<float> numbers(ggml_type type, const std::vector<uint8_t> & bytes, size_t count) {
    std::vector<float> out(count);
    ggml_get_type_traits(type)->to_float(bytes.data(), out.data(), static_cast<int64_t>(count));
    return out;
}

/// Scales within blocks, written back, are the same bytes; they and their multiples give ggml's values, and so they do once changed.
void scales_of(const block_format & f, std::vector<uint8_t> bytes, std::vector<float> want) {
    const std::string          name = ggml_type_name(f.type);
    const int64_t              n = static_cast<int64_t>(want.size()), group = f.n_values / f.n_scales;
    const std::vector<uint8_t> before = bytes;
    std::vector<uint8_t>       room;
    std::vector<float>         by_scale(want.size()), by_minimum(want.size(), 0.0f);
    for (const int moved : {0, 1}) {
        double error = 0;
        read_scale_multiples(f, bytes.data(), n, by_scale.data(), by_minimum.data(), room);
        for (int64_t b = 0; b < n / f.n_values; ++b) {
            uint8_t * block = bytes.data() + static_cast<size_t>(b) * f.n_bytes;
            int16_t   scale[16], minimum[16] = {}, again[16], minimum_again[16] = {};
            f.get_scales(block, scale, minimum);
            for (int j = 0; j < f.n_scales && moved == 1; ++j) {
                scale[j]   = static_cast<int16_t>(j % 2 == 0 ? f.max_scale - j : f.min_scale + j);
                minimum[j] = static_cast<int16_t>(f.m_at >= 0 ? f.max_scale - 3 * j : 0);
            }
            f.set_scales(block, scale, minimum);
            f.get_scales(block, again, minimum_again);
            check(std::equal(scale, scale + f.n_scales, again) && std::equal(minimum, minimum + f.n_scales, minimum_again), name + ": scales are read as they were written");
            want = numbers(f.type, bytes, want.size());
            for (int64_t i = b * f.n_values; i < (b + 1) * f.n_values; ++i) {
                const size_t at = static_cast<size_t>(i), j = at % static_cast<size_t>(f.n_values) / static_cast<size_t>(group);
                error           = std::max(error, std::fabs(static_cast<double>(scale[j] * by_scale[at] + minimum[j] * by_minimum[at] - want[at])));
            }
        }
        check(moved == 1 || bytes == before, name + ": scales and all else are where they were");
        check_error(name + (moved == 1 ? ": moved scales give ggml's values" : ": scales' multiples give ggml's values"), error, 1e-5);
    }
}

/// Integers written back give the same bytes; grid and multiples give ggml's own values.
void formats() {
    constexpr int64_t n = 512;
    for (const ggml_type type : even_types) {
        const std::string          name  = ggml_type_name(type);
        const block_format *       f     = find_block_format(type);
        const std::vector<float>   row   = generator{7}.floats(n, 0.1f);
        const std::vector<uint8_t> bytes = quantised(type, row, n);
        const std::vector<float>   want  = numbers(type, bytes, n);
        std::vector<uint8_t>       q(n), back = bytes, room;
        std::vector<float>         offset(n), step(n), by_d(n), by_m(n, 0.0f);
        read_integers(*f, bytes.data(), n, q.data());
        std::fill_n(q.begin(), 32, static_cast<uint8_t>(f->max_q));
        write_integers(*f, back.data(), n, q.data());
        std::vector<uint8_t> again(n);
        read_integers(*f, back.data(), n, again.data());
        check(again == q, name + ": integers are read as they were written");
        read_integers(*f, bytes.data(), n, q.data());
        write_integers(*f, back.data(), n, q.data());
        check(back == bytes, name + ": integers and all else are where they were");
        read_grid(*f, bytes.data(), n, offset.data(), step.data(), room);
        read_multiples(*f, bytes.data(), n, by_d.data(), by_m.data(), room);
        double grid_error = 0, multiple_error = 0;
        for (int64_t i = 0; i < n; ++i) {
            const uint8_t * block = bytes.data() + static_cast<size_t>(i / f->n_values) * f->n_bytes;
            ggml_fp16_t     d, m = 0;
            std::memcpy(&d, block + f->d_at, 2);
            if (f->m_at >= 0) std::memcpy(&m, block + f->m_at, 2);
            const size_t at = static_cast<size_t>(i);
            grid_error      = std::max(grid_error, std::fabs(static_cast<double>(offset[at] + q[at] * step[at] - want[at])));
            multiple_error  = std::max(multiple_error, std::fabs(static_cast<double>(ggml_fp16_to_fp32(d) * by_d[at] + ggml_fp16_to_fp32(m) * by_m[at] - want[at])));
        }
        check_error(name + ": the grid gives ggml's values", grid_error, 1e-5);
        if (f->n_scales > 0) {
            scales_of(*f, bytes, want);
        }
        check_error(name + ": so do the factors' multiples", multiple_error, 1e-5);
    }
    check(find_block_format(GGML_TYPE_F16) == nullptr && find_block_format(GGML_TYPE_IQ4_NL) == nullptr, "types without an even grid have no such format");
}

/// Inputs with a few strong directions, as activations have.
struct inputs {
    int64_t            n;
    generator          g{21};
    std::vector<float> directions;

    explicit inputs(int64_t n_in) : n(n_in), directions(g.floats(24 * n_in, 1.0f)) {}

    std::vector<float> next() {
        const std::vector<float> along = g.floats(24, 1.0f);
        std::vector<float>       x     = g.floats(n, 0.05f);
        for (size_t d = 0; d < along.size(); ++d) {
            for (int64_t i = 0; i < n; ++i) {
                x[static_cast<size_t>(i)] += along[d] * directions[d * static_cast<size_t>(n) + static_cast<size_t>(i)];
            }
        }
        return x;
    }
    input_sketch sketch(int64_t count, int64_t width) {
        input_sketch s(n, width);
        for (int64_t t = 0; t < count; ++t) {
            s.add(t % width, static_cast<uint64_t>(t / width), next().data());
        }
        return s;
    }
};

/// Y Y^T is about the inputs' H, and exactly so where each input has a column of its own.
void sketches() {
    constexpr int64_t n = 96;
    for (const int64_t width : {int64_t{256}, int64_t{32}}) {
        inputs              in(n), again(n);
        const input_sketch  sketch = in.sketch(256, width);
        std::vector<double> h(n * n, 0.0);
        for (int t = 0; t < 256; ++t) {
            const std::vector<float> x = again.next();
            for (int64_t i = 0; i < n * n; ++i) {
                h[static_cast<size_t>(i)] += static_cast<double>(x[static_cast<size_t>(i / n)]) * x[static_cast<size_t>(i % n)] / 256.0;
            }
        }
        const std::vector<float> y = sketch.rows();
        double                   off = 0, all = 0;
        for (int64_t i = 0; i < n * n; ++i) {
            double sum = 0;
            for (int64_t j = 0; j < width; ++j) {
                sum += static_cast<double>(y[static_cast<size_t>(i / n * width + j)]) * y[static_cast<size_t>(i % n * width + j)];
            }
            off += (sum - h[static_cast<size_t>(i)]) * (sum - h[static_cast<size_t>(i)]);
            all += h[static_cast<size_t>(i)] * h[static_cast<size_t>(i)];
        }
        check(sketch.count() == 256, "all inputs are in the sketch");
        // Columns of eight inputs each: chance products of 24 strong directions are left, about as large as sqrt(24 / 32) of H.
        check_error("Y Y^T is H, width " + std::to_string(width), std::sqrt(off / all), width == 256 ? 1e-5 : 1.0);
    }
}

/// Feedback is the least-squares answer of all columns that are still to come: (damping + sum over j >= k of Y_j Y_j^T) F_k = Y_k.
void feedback() {
    inputs              in(96);
    const input_sketch  sketch = in.sketch(400, 64);
    const input_basis   basis(sketch, 0.01f);
    const int64_t       n = basis.n(), w = basis.width();
    double              worst = 0;
    bool                falls = true;
    for (int64_t k = 0; k < n; ++k) {
        const float *       f = basis.feedback() + k * w, *y = basis.sketch() + basis.order()[static_cast<size_t>(k)] * w;
        std::vector<double> got(static_cast<size_t>(w));
        for (int64_t j = 0; j < w; ++j) {
            got[static_cast<size_t>(j)] = static_cast<double>(basis.damping()) * f[j];
        }
        for (int64_t c = k; c < n; ++c) {
            const float * of = basis.sketch() + basis.order()[static_cast<size_t>(c)] * w;
            double        along = 0;
            for (int64_t j = 0; j < w; ++j) along += static_cast<double>(of[j]) * f[j];
            for (int64_t j = 0; j < w; ++j) got[static_cast<size_t>(j)] += along * of[j];
        }
        double off = 0, all = 0;
        for (int64_t j = 0; j < w; ++j) {
            off += (got[static_cast<size_t>(j)] - y[j]) * (got[static_cast<size_t>(j)] - y[j]);
            all += static_cast<double>(y[j]) * y[j];
        }
        worst = std::max(worst, std::sqrt(off / all));
        falls &= k == 0 || basis.mean_squares()[static_cast<size_t>(basis.order()[static_cast<size_t>(k)])] <= basis.mean_squares()[static_cast<size_t>(basis.order()[static_cast<size_t>(k - 1)])];
    }
    check_error("feedback solves its equations", worst, 1e-3); // F is stored in F32, and multiplied by the strongest directions here
    check(falls, "the strongest inputs come first");
}

/// A base on the type's grid, with an update much finer than the grid: how much of the update's effect is lost, on inputs that were not in
/// the sample.
void keeps_updates() {
    constexpr int64_t n = 512, n_rows = 40, rank = 2;
    inputs             in(n);
    const input_basis  m(in.sketch(1024, sketch_width), rounding_damping);
    std::vector<std::vector<float>> unseen;
    for (int i = 0; i < 100; ++i) {
        unseen.push_back(in.next());
    }
    for (const ggml_type type : even_types) {
        const std::string          name       = ggml_type_name(type);
        const std::vector<uint8_t> base_bytes = quantised(type, generator{5}.floats(n * n_rows, 0.05f), n);
        const std::vector<float>   base       = numbers(type, base_bytes, n * n_rows);
        std::vector<float>         wanted     = base;
        generator                  g{31};
        const std::vector<float>   a = g.floats(rank * n, 0.01f), b = g.floats(n_rows * rank, 0.05f);
        for (int64_t r = 0; r < n_rows; ++r) {
            for (int64_t i = 0; i < n; ++i) {
                for (int64_t j = 0; j < rank; ++j) {
                    wanted[static_cast<size_t>(r * n + i)] += b[static_cast<size_t>(r * rank + j)] * a[static_cast<size_t>(j * n + i)];
                }
            }
        }
        const auto lost = [&](const std::vector<float> & v) {
            double sum = 0;
            for (const std::vector<float> & x : unseen) {
                for (int64_t r = 0; r < n_rows; ++r) {
                    double y = 0;
                    for (int64_t i = 0; i < n; ++i) {
                        y += (static_cast<double>(wanted[static_cast<size_t>(r * n + i)]) - v[static_cast<size_t>(r * n + i)]) * x[static_cast<size_t>(i)];
                    }
                    sum += y * y;
                }
            }
            return sum;
        };
        const double         all     = lost(base);
        const double         nearest = lost(numbers(type, quantised(type, wanted, n), n * n_rows)) / all;
        std::vector<uint8_t> bytes(base_bytes.size()), threaded(base_bytes.size());
        rounding_scratch     scratch;
        ggml_quantize_chunk(type, wanted.data(), bytes.data(), 0, n_rows, n, m.mean_squares().data());
        threaded = bytes;
        round_with_feedback(*find_block_format(type), m, wanted.data(), n_rows, bytes.data(), scratch);
        const double kept_off = lost(numbers(type, bytes, n * n_rows)) / all;
        std::printf("%s: of the update's effect, nearest rounding is off by %.3f, feedback by %.3f\n", name.c_str(), nearest, kept_off);
        // Q2_K and Q4_K gain least: two factors of eleven bits for 256 weights, and integers of few bits.
        check(kept_off < 0.55 * nearest, name + ": feedback loses much less than nearest rounding");
        check(ggml_validate_row_data(type, bytes.data(), bytes.size()), name + ": the bytes are sound");
        const size_t row_bytes = ggml_row_size(type, n);
        round_with_feedback(*find_block_format(type), m, wanted.data() + 16 * n, n_rows - 16, threaded.data() + 16 * row_bytes, scratch);
        check(std::equal(bytes.begin() + static_cast<int64_t>(16 * row_bytes), bytes.end(), threaded.begin() + static_cast<int64_t>(16 * row_bytes)),
              name + ": rows are rounded alike whichever are rounded with them");
    }
}

} // namespace

int main() {
    formats();
    sketches();
    feedback();
    keeps_updates();
    return result();
}
