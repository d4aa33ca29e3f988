// The adapter's thin products, for one instruction set. Included after tile-product.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

constexpr int64_t THIN_PANEL  = 64;  // floats across: four AVX-512 vectors
constexpr int64_t THIN_DEPTH  = 128; // how much of a sum is packed at a time: a panel of it stays in L1
constexpr int64_t THIN_ROWS   = 96;  // tokens that share a packed panel
constexpr int64_t THIN_SMALLS = 48;  // rows of r worked on together

/// dst: n_rows rows of THIN_PANEL floats, the first n_columns from src; zeros up to a whole vector.
FORJA_INLINE void copy_panel(float * dst, const float * src, int64_t src_stride, int64_t n_rows, int64_t n_columns) {
    for (int64_t row = 0; row < n_rows; ++row) {
        int64_t i = 0;
        for (; i + VF_LANES <= n_columns; i += VF_LANES) {
            store(dst + row * THIN_PANEL + i, load(src + row * src_stride + i));
        }
        if (i < n_columns) {
            store(dst + row * THIN_PANEL + i, load_first(src + row * src_stride + i, n_columns - i));
        }
    }
}

/// dst[k][j] = src[j * src_stride + k] * factor: n_rows rows of THIN_PANEL floats from n_columns rows of src.
FORJA_INLINE void transpose_panel(float * dst, const float * src, int64_t src_stride, int64_t n_rows, int64_t n_columns,
                                  float factor) {
    for (int64_t j = 0; j < n_columns; j += VF_LANES) {
        for (int64_t k = 0; k < n_rows; k += VF_LANES) {
            transpose_block(dst + k * THIN_PANEL + j, THIN_PANEL, src + j * src_stride + k, src_stride,
                            min_of<int64_t>(VF_LANES, n_columns - j), min_of<int64_t>(VF_LANES, n_rows - k), all(factor));
        }
    }
}

FORJA_INLINE int64_t vectors_for(int64_t n_floats) { return (n_floats + VF_LANES - 1) / VF_LANES; }

/// dst[i] (+)= src[i] * factor
FORJA_INLINE void add_scaled(float * dst, const float * src, int64_t n, float factor, bool accumulate) {
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        const vf x = load(src + i);
        store(dst + i, accumulate ? fma(x, all(factor), load(dst + i)) : mul(x, all(factor)));
    }
    if (i < n) {
        const vf x = load(src + i); // src is a panel: whole vectors
        store_first(dst + i, accumulate ? fma(x, all(factor), load_first(dst + i, n - i)) : mul(x, all(factor)), n - i);
    }
}

/// Both outer products: sums[j][·] = sum over t of small[t][j] * x[t][panel], then added to acc in its own order.
template <bool N_FASTEST>
FORJA_INLINE void outer_accumulate(float * acc, const float * x, int64_t x_stride, const float * small,
                                   int64_t small_stride, int64_t n, int64_t r, int64_t n_tokens, float scale, int ith,
                                   int nth) {
    alignas(64) float panel[THIN_DEPTH * THIN_PANEL];
    alignas(64) float sums[THIN_SMALLS * THIN_PANEL];
    const int64_t     units = (n + PAD_FLOATS - 1) / PAD_FLOATS; // finer than panels, for threads to get equal shares
    const int64_t     end   = min_of(n, units * (ith + 1) / nth * PAD_FLOATS);
    for (int64_t first = units * ith / nth * PAD_FLOATS; first < end; first += THIN_PANEL) {
        const int64_t columns = min_of(THIN_PANEL, end - first);
        for (int64_t j = 0; j < r; j += THIN_SMALLS) {
            const int64_t smalls = min_of(THIN_SMALLS, r - j);
            for (int64_t t = 0; t < n_tokens; t += THIN_DEPTH) {
                const int64_t depth = min_of(THIN_DEPTH, n_tokens - t);
                copy_panel(panel, x + t * x_stride + first, x_stride, depth, columns);
                tile_product(smalls, vectors_for(columns), depth, small + t * small_stride + j, 1, small_stride, panel,
                             THIN_PANEL, sums, THIN_PANEL, t > 0);
            }
            if (n_tokens == 0) {
                continue;
            }
            if constexpr (N_FASTEST) {
                for (int64_t i = 0; i < smalls; ++i) {
                    add_scaled(acc + (j + i) * n + first, sums + i * THIN_PANEL, columns, scale, true);
                }
            } else {
                for (int64_t c = 0; c < columns; c += VF_LANES) {
                    for (int64_t i = 0; i < smalls; i += VF_LANES) {
                        float square[VF_LANES * VF_LANES];
                        transpose_block(square, VF_LANES, sums + i * THIN_PANEL + c, THIN_PANEL,
                                        min_of<int64_t>(VF_LANES, smalls - i), VF_LANES, all(1.0f));
                        for (int64_t b = 0; b < min_of<int64_t>(VF_LANES, columns - c); ++b) {
                            add_scaled(acc + (first + c + b) * r + j + i, square + b * VF_LANES,
                                       min_of<int64_t>(VF_LANES, smalls - i), scale, true);
                        }
                    }
                }
            }
        }
    }
}

static void outer_accumulate_wide(float * acc, const float * x, int64_t x_stride, const float * small,
                                  int64_t small_stride, int64_t n, int64_t r, int64_t n_tokens, float scale, int ith,
                                  int nth) {
    outer_accumulate<true>(acc, x, x_stride, small, small_stride, n, r, n_tokens, scale, ith, nth);
}

static void outer_accumulate_thin(float * acc, const float * x, int64_t x_stride, const float * small,
                                  int64_t small_stride, int64_t n, int64_t r, int64_t n_tokens, float scale, int ith,
                                  int nth) {
    outer_accumulate<false>(acc, x, x_stride, small, small_stride, n, r, n_tokens, scale, ith, nth);
}

static void thin_reduce(float * small, int64_t small_stride, const float * m, thin_layout layout, const float * x,
                        int64_t x_stride, int64_t n, int64_t r, int64_t n_tokens, float scale, bool accumulate, int ith,
                        int nth) {
    alignas(64) float panel[THIN_DEPTH * THIN_PANEL];
    alignas(64) float sums[THIN_ROWS * THIN_PANEL];
    const int64_t     end = n_tokens * (ith + 1) / nth;
    for (int64_t t = n_tokens * ith / nth; t < end; t += THIN_ROWS) {
        const int64_t rows = min_of(THIN_ROWS, end - t);
        for (int64_t j = 0; j < r; j += THIN_PANEL) {
            const int64_t columns = min_of(THIN_PANEL, r - j);
            for (int64_t k = 0; k < n; k += THIN_DEPTH) {
                const int64_t depth = min_of(THIN_DEPTH, n - k);
                if (layout == thin_layout::n_fastest) {
                    transpose_panel(panel, m + j * n + k, n, depth, columns, 1.0f);
                } else {
                    copy_panel(panel, m + k * r + j, r, depth, columns);
                }
                tile_product(rows, vectors_for(columns), depth, x + t * x_stride + k, x_stride, 1, panel, THIN_PANEL,
                             sums, THIN_PANEL, k > 0);
            }
            for (int64_t i = 0; i < rows; ++i) {
                add_scaled(small + (t + i) * small_stride + j, sums + i * THIN_PANEL, columns, scale, accumulate);
            }
        }
    }
}

static void thin_expand(float * y, int64_t y_stride, const float * m, thin_layout layout, const float * small,
                        int64_t small_stride, int64_t n, int64_t r, int64_t n_tokens, float scale, bool accumulate,
                        int ith, int nth) {
    alignas(64) float panel[THIN_DEPTH * THIN_PANEL];
    alignas(64) float sums[THIN_ROWS * THIN_PANEL];
    const int64_t     end = n_tokens * (ith + 1) / nth;
    for (int64_t t = n_tokens * ith / nth; t < end; t += THIN_ROWS) {
        const int64_t rows = min_of(THIN_ROWS, end - t);
        for (int64_t c = 0; c < n; c += THIN_PANEL) {
            const int64_t columns = min_of(THIN_PANEL, n - c);
            for (int64_t k = 0; k < r; k += THIN_DEPTH) {
                const int64_t depth = min_of(THIN_DEPTH, r - k);
                if (layout == thin_layout::n_fastest) {
                    copy_panel(panel, m + k * n + c, n, depth, columns);
                } else {
                    transpose_panel(panel, m + c * r + k, r, depth, columns, 1.0f);
                }
                tile_product(rows, vectors_for(columns), depth, small + t * small_stride + k, small_stride, 1, panel,
                             THIN_PANEL, sums, THIN_PANEL, k > 0);
            }
            for (int64_t i = 0; i < rows; ++i) {
                add_scaled(y + (t + i) * y_stride + c, sums + i * THIN_PANEL, columns, scale, accumulate);
            }
        }
    }
}

} // namespace forja::cpu::FORJA_ISA
