#include "export/feedback-rounding.hpp"

#include <algorithm>

#include "ops/cpu/rounding-kernels.hpp"

namespace forja {

namespace {

using cpu::rounding_rows;

/// Of coordinate descent: after error feedback a second one gained next to nothing.
constexpr int sweeps = 1;

/// The grids of the tile's rows, from their bytes.
void read_grids(const block_format & format, const uint8_t * bytes, size_t row_bytes, int64_t n, int64_t count, rounding_scratch & s) {
    for (int64_t r = 0; r < count; ++r) {
        read_grid(format, bytes + static_cast<size_t>(r) * row_bytes, n, s.row_offset.data(), s.row_step.data(), s.bytes);
        for (int64_t i = 0; i < n; ++i) {
            s.offset[static_cast<size_t>(i * rounding_rows + r)] = s.row_offset[static_cast<size_t>(i)];
            s.step[static_cast<size_t>(i * rounding_rows + r)]   = s.row_step[static_cast<size_t>(i)];
        }
    }
}

void write_rows(const block_format & format, uint8_t * bytes, size_t row_bytes, int64_t n, int64_t count, rounding_scratch & s) {
    for (int64_t r = 0; r < count; ++r) {
        for (int64_t i = 0; i < n; ++i) {
            s.row_q[static_cast<size_t>(i)] = static_cast<uint8_t>(s.q[static_cast<size_t>(i * rounding_rows + r)]);
        }
        write_integers(format, bytes + static_cast<size_t>(r) * row_bytes, n, s.row_q.data());
    }
}

/// Errors of the integers as they are, on grids that have moved.
void find_errors(const input_basis & basis, rounding_scratch & s) {
    for (size_t at = 0; at < s.fit.error.size(); ++at) {
        s.fit.error[at] = s.wanted[at] - (s.offset[at] + s.q[at] * s.step[at]);
    }
    std::fill(s.fit.residual.begin(), s.fit.residual.end(), 0.0f);
    cpu::add_multiples(s.fit.residual.data(), s.fit.error.data(), basis.sketch(), basis.n(), basis.width());
}

} // namespace

void round_with_feedback(const block_format & format, const input_basis & basis, const float * rows, int64_t n_rows, uint8_t * bytes, rounding_scratch & s) {
    const int64_t n         = basis.n();
    const size_t  row_bytes = static_cast<size_t>(n / format.n_values) * format.n_bytes;
    for (std::vector<float> * room : {&s.wanted, &s.q, &s.offset, &s.step, &s.fit.error}) {
        room->assign(static_cast<size_t>(n * rounding_rows), 0.0f);
    }
    s.fit.residual.resize(static_cast<size_t>(basis.width() * rounding_rows));
    s.row_offset.resize(static_cast<size_t>(n));
    s.row_step.resize(static_cast<size_t>(n));
    s.row_q.resize(static_cast<size_t>(n));
    const cpu::rounding_tile tile{n, basis.width(), basis.sketch(), basis.feedback(), basis.order().data(), basis.curvature().data(), basis.damping(),
                                  static_cast<float>(format.max_q), s.wanted.data(), s.offset.data(), s.step.data(), s.q.data(), s.fit.error.data(), s.fit.residual.data()};
    for (int64_t first = 0; first < n_rows; first += rounding_rows) {
        const int64_t count = std::min(rounding_rows, n_rows - first);
        uint8_t *     out   = bytes + static_cast<size_t>(first) * row_bytes;
        for (int64_t r = 0; r < rounding_rows; ++r) { // rows that aren't there are zeros on a grid of zeros
            for (int64_t i = 0; i < n; ++i) {
                const size_t at = static_cast<size_t>(i * rounding_rows + r);
                s.wanted[at]    = r < count ? rows[static_cast<size_t>((first + r) * n + i)] : 0.0f;
                s.offset[at] = s.step[at] = 0.0f;
            }
        }
        for (int round = 0; round < (format.n_scales > 0 ? 2 : 1); ++round) {
            read_grids(format, out, row_bytes, n, count, s);
            if (round == 0) {
                cpu::round_feeding_errors(tile);
            } else {
                find_errors(basis, s);
            }
            for (int i = 0; i < sweeps; ++i) {
                cpu::round_descending(tile);
            }
            write_rows(format, out, row_bytes, n, count, s);
            fit_factors(format, basis, count, out, row_bytes, s.fit);
        }
    }
}

double rounding_work(int64_t n) {
    // Feedback, descent (each asks and changes), products of the factors' multiples, their normal equations.
    return static_cast<double>(sketch_width) * (2.0 + 2.0 * sweeps + 2.0 + static_cast<double>(std::min(n, fit_columns)) / 512.0);
}

} // namespace forja
