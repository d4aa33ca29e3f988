// Products of small dense F32 matrices that lie in cache, for one instruction set. Included after simd.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

// R rows by two vectors of columns: c = (add ? c : 0) + a b. Element (i, p) of a lies at a[i * row + p * column].
template <int R>
FORJA_INLINE void product_tile(int64_t k, const float * a, int64_t row, int64_t column, const float * b, int64_t b_stride, float * c,
                               int64_t c_stride, int64_t n_columns, bool is_added) {
    const int64_t first = min_of<int64_t>(n_columns, VF_LANES), second = max_of<int64_t>(0, n_columns - VF_LANES);
    vf            acc[R][2];
    FORJA_UNROLL
    for (int i = 0; i < R; i++) {
        acc[i][0] = is_added ? load_first(c + i * c_stride, first) : zero();
        acc[i][1] = is_added && second > 0 ? load_first(c + i * c_stride + VF_LANES, second) : zero();
    }
    if (n_columns >= 2 * VF_LANES) {
        for (int64_t p = 0; p < k; p++) {
            const vf b0 = load(b + p * b_stride), b1 = load(b + p * b_stride + VF_LANES);
            FORJA_UNROLL
            for (int i = 0; i < R; i++) {
                const vf x = all(a[i * row + p * column]);
                acc[i][0]  = fma(x, b0, acc[i][0]);
                acc[i][1]  = fma(x, b1, acc[i][1]);
            }
        }
        FORJA_UNROLL
        for (int i = 0; i < R; i++) {
            store(c + i * c_stride, acc[i][0]);
            store(c + i * c_stride + VF_LANES, acc[i][1]);
        }
        return;
    }
    for (int64_t p = 0; p < k; p++) {
        const vf b0 = load_first(b + p * b_stride, first), b1 = second > 0 ? load_first(b + p * b_stride + VF_LANES, second) : zero();
        FORJA_UNROLL
        for (int i = 0; i < R; i++) {
            const vf x = all(a[i * row + p * column]);
            acc[i][0]  = fma(x, b0, acc[i][0]);
            acc[i][1]  = fma(x, b1, acc[i][1]);
        }
    }
    FORJA_UNROLL
    for (int i = 0; i < R; i++) {
        store_first(c + i * c_stride, acc[i][0], first);
        if (second > 0) {
            store_first(c + i * c_stride + VF_LANES, acc[i][1], second);
        }
    }
}

/// A matrix as product() reads it: element (i, p) at data[i * row + p * column], so that its transpose is the same with the two swapped.
struct small_matrix {
    const float * data;
    int64_t       row, column;
};

/// c [m, n] = a [m, k] b [k, n], or c + that; rows of b and c so many floats apart.
FORJA_NOINLINE void product(int64_t m, int64_t n, int64_t k, small_matrix a, const float * b, int64_t b_stride, float * c, int64_t c_stride,
                            bool is_added) {
    for (int64_t j = 0; j < n; j += 2 * VF_LANES) {
        const int64_t columns = min_of<int64_t>(n - j, 2 * VF_LANES);
        int64_t       i       = 0;
        for (; i + 4 <= m; i += 4) {
            product_tile<4>(k, a.data + i * a.row, a.row, a.column, b + j, b_stride, c + i * c_stride + j, c_stride, columns, is_added);
        }
        for (; i < m; i++) {
            product_tile<1>(k, a.data + i * a.row, a.row, a.column, b + j, b_stride, c + i * c_stride + j, c_stride, columns, is_added);
        }
    }
}

/// to [n, m] = the transpose of from [m, n]; rows so many floats apart.
FORJA_NOINLINE void transposed(int64_t m, int64_t n, const float * from, int64_t from_stride, float * to, int64_t to_stride) {
    int64_t i = 0;
    for (; i + VF_LANES <= m; i += VF_LANES) {
        int64_t j = 0;
        for (; j + VF_LANES <= n; j += VF_LANES) {
            vf square[VF_LANES];
            FORJA_UNROLL
            for (int r = 0; r < VF_LANES; r++) {
                square[r] = load(from + (i + r) * from_stride + j);
            }
            transpose(square);
            FORJA_UNROLL
            for (int r = 0; r < VF_LANES; r++) {
                store(to + (j + r) * to_stride + i, square[r]);
            }
        }
        for (; j < n; j++) {
            for (int r = 0; r < VF_LANES; r++) {
                to[j * to_stride + i + r] = from[(i + r) * from_stride + j];
            }
        }
    }
    for (; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            to[j * to_stride + i] = from[i * from_stride + j];
        }
    }
}

/// The sum of a[i] * b[i].
FORJA_INLINE float dot_of(const float * a, const float * b, int64_t n) {
    vf      s = zero();
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        s = fma(load(a + i), load(b + i), s);
    }
    if (i < n) {
        s = fma(load_first(a + i, n - i), load_first(b + i, n - i), s);
    }
    return sum(s);
}

/// y = factor * x (+ y when added). y may be x.
FORJA_INLINE void scaled(float * y, const float * x, float factor, int64_t n, bool is_added) {
    for (int64_t i = 0; i < n; i += VF_LANES) {
        const vf v = load_first(x + i, n - i);
        store_first(y + i, is_added ? fma(all(factor), v, load_first(y + i, n - i)) : mul(all(factor), v), n - i);
    }
}

} // namespace forja::cpu::FORJA_ISA
