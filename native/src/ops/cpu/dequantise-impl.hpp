// Blocks of a quantised weight as BF16, transposed or not, for one instruction set. Included after simd.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

/// Rows [row, row + n_rows) of w, columns [column, column + n): F32 rows `stride` floats apart, at `dst` or, for F32
/// weights, where they lie.
FORJA_INLINE const float * float_rows(const weight_rows & w, int64_t row, int64_t n_rows, int64_t column, int64_t n,
                                      float * dst, int64_t & stride) {
    const char * const data = (const char *) w.data + (size_t) row * w.row_bytes;
    if (!w.to_float) {
        stride = (int64_t) (w.row_bytes / sizeof(float));
        return (const float *) data + column;
    }
    const size_t block_bytes = w.row_bytes / (size_t) (w.n_in / w.block_size);
    const size_t offset      = (size_t) (column / w.block_size) * block_bytes;
    for (int64_t i = 0; i < n_rows; ++i) {
        w.to_float(data + (size_t) i * w.row_bytes + offset, dst + i * stride, n);
    }
    return dst;
}

/// What follows a square transpose: VF_LANES rows of floats to BF16, one destination row each.
FORJA_INLINE void store_transposed(const vf * v, uint16_t * dst, int64_t stride, int64_t n_rows, int64_t n_columns) {
    if (n_rows >= VF_LANES) {
        for (int64_t i = 0; i < n_columns; ++i) {
            store_bf16(dst + i * stride, v[i]);
        }
        return;
    }
    for (int64_t i = 0; i < n_columns; ++i) {
        uint16_t lane[VF_LANES];
        store_bf16(lane, v[i]);
        memcpy(dst + i * stride, lane, sizeof(uint16_t) * (size_t) n_rows);
    }
}

static void dequantise_transpose(const weight_rows & w, int64_t row_begin, int64_t row_end, uint16_t * w_t, int64_t stride,
                                 void * scratch, int ith, int nth) {
    // DEQUANTISE_ROWS rows at a time: as many BF16 as a cache line of the destination holds.
    const int64_t n_blocks = (row_end - row_begin + DEQUANTISE_ROWS - 1) / DEQUANTISE_ROWS;
    const int64_t slice    = dequantise_slice(w);
    float * const floats   = scratch_cursor(scratch).take(DEQUANTISE_ROWS * slice);
    for (int64_t block = n_blocks * ith / nth; block < n_blocks * (ith + 1) / nth; ++block) {
        const int64_t row    = row_begin + block * DEQUANTISE_ROWS;
        const int64_t n_rows = min_of(DEQUANTISE_ROWS, row_end - row);
        for (int64_t column = 0; column < w.n_in; column += slice) {
            const int64_t n          = min_of(slice, w.n_in - column);
            int64_t       src_stride = slice;
            const float * src        = float_rows(w, row, n_rows, column, n, floats, src_stride);
            for (int64_t i = 0; i < n; i += VF_LANES) {
                const int64_t n_columns = min_of<int64_t>(VF_LANES, n - i);
                for (int64_t r = 0; r < n_rows; r += VF_LANES) {
                    const int64_t n_here = min_of<int64_t>(VF_LANES, n_rows - r);
                    vf            v[VF_LANES];
                    if (n_here == VF_LANES && n_columns == VF_LANES) {
                        FORJA_UNROLL
                        for (int j = 0; j < VF_LANES; ++j) {
                            v[j] = load(src + (r + j) * src_stride + i);
                        }
                        transpose(v);
                        FORJA_UNROLL
                        for (int j = 0; j < VF_LANES; ++j) {
                            store_bf16(w_t + (column + i + j) * stride + (row - row_begin) + r, v[j]);
                        }
                    } else {
                        for (int64_t j = 0; j < VF_LANES; ++j) {
                            v[j] = j < n_here ? load_first(src + (r + j) * src_stride + i, n_columns) : zero();
                        }
                        transpose(v);
                        store_transposed(v, w_t + (column + i) * stride + (row - row_begin) + r, stride, n_here,
                                         n_columns);
                    }
                }
            }
        }
    }
}

static void dequantise(const weight_rows & w, int64_t row_begin, int64_t row_end, uint16_t * w_bf16, void * scratch,
                       int ith, int nth) {
    const int64_t n_rows = row_end - row_begin;
    const int64_t slice  = dequantise_slice(w);
    float * const floats = scratch_cursor(scratch).take(DEQUANTISE_ROWS * slice);
    for (int64_t r = n_rows * ith / nth; r < n_rows * (ith + 1) / nth; ++r) {
        for (int64_t column = 0; column < w.n_in; column += slice) {
            const int64_t n          = min_of(slice, w.n_in - column);
            int64_t       src_stride = slice;
            const float * src        = float_rows(w, row_begin + r, 1, column, n, floats, src_stride);
            uint16_t *    dst        = w_bf16 + r * w.n_in + column;
            int64_t       i          = 0;
            for (; i + VF_LANES <= n; i += VF_LANES) {
                store_bf16(dst + i, load(src + i));
            }
            if (i < n) {
                uint16_t lane[VF_LANES];
                store_bf16(lane, load_first(src + i, n - i));
                memcpy(dst + i, lane, sizeof(uint16_t) * (size_t) (n - i));
            }
        }
    }
}

} // namespace forja::cpu::FORJA_ISA
