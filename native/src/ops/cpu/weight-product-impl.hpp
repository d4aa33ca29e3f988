// Products with a frozen weight, for one instruction set. Included after pairs.hpp and dequantise-impl.hpp.
//
// Outputs go across the vectors and tokens down the tile, so y is written as it lies. A panel of W is dequantised,
// rounded and laid out [step of the sum][PANEL_WIDTH outputs], then used for all tokens of the task before the next one
// is made.
#pragma once

namespace forja::cpu::FORJA_ISA {

constexpr int64_t PANEL_TOKENS = 48; // tokens of an output tile that is not a whole number of vectors wide

static void pack_activations(uint16_t * packed, const float * x, int64_t x_stride, int64_t n, int64_t n_tokens, int ith,
                             int nth) {
    const int64_t stride = activation_stride(product_type::bf16, n);
    for (int64_t t = n_tokens * ith / nth; t < n_tokens * (ith + 1) / nth; ++t) {
        const float *    src = x + t * x_stride;
        uint16_t * const dst = packed + t * stride;
        int64_t          i   = 0;
        for (; i + VF_LANES <= n; i += VF_LANES) {
            store_bf16(dst + i, load(src + i));
        }
        if (i < n) {
            store_bf16(dst + i, load_first(src + i, n - i));
            i += VF_LANES;
        }
        if (i < stride) {
            memset(dst + i, 0, sizeof(uint16_t) * (size_t) (stride - i));
        }
    }
}

/// panel[step][output] for W's rows [row, row + n_outputs) and columns [column, column + n): y = W x. Outputs past
/// n_outputs are zeros.
template <bool PAIRS>
FORJA_NOINLINE void pack_panel(float * panel, float * floats, const weight_rows & w, int64_t row, int64_t n_outputs,
                               int64_t column, int64_t n) {
    const int64_t slice = padded(n);
    for (int64_t r = 0; r < PANEL_WIDTH; r += VF_LANES) {
        const int64_t n_rows     = max_of<int64_t>(min_of<int64_t>(n_outputs - r, VF_LANES), 0);
        int64_t       src_stride = slice;
        const float * src        = n_rows > 0 ? float_rows(w, row + r, n_rows, column, n, floats, src_stride) : floats;
        if constexpr (PAIRS) {
            for (int64_t k = 0; k < n; k += 2 * VF_LANES) {
                transpose_pairs(panel + k / 2 * PANEL_WIDTH + r, PANEL_WIDTH, src + k, src_stride, n_rows, n - k);
            }
        } else {
            for (int64_t k = 0; k < n; k += VF_LANES) {
                transpose_block(panel + k * PANEL_WIDTH + r, PANEL_WIDTH, src + k, src_stride, n_rows,
                                min_of<int64_t>(VF_LANES, n - k), all(1.0f));
            }
        }
    }
}

/// panels[p][step][output] for W's rows [row, row + n) and columns [column, column + n_outputs), PANEL_WIDTH to a
/// panel: y = W^T x. Each panel takes PANEL_DEPTH steps; outputs past n_outputs up to a whole vector are zeros.
template <bool PAIRS>
FORJA_NOINLINE void pack_panels_transposed(float * panels, float * floats, const weight_rows & w, int64_t row, int64_t n,
                                           int64_t column, int64_t n_outputs) {
    // Whole quantisation blocks around the columns.
    const int64_t from     = column / w.block_size * w.block_size;
    const int64_t to       = min_of(w.n_in, (column + n_outputs + w.block_size - 1) / w.block_size * w.block_size);
    const int64_t slice    = padded(to - from);
    const int64_t per_step = PAIRS ? 2 : 1;
    for (int64_t k = 0; k < n; k += per_step) {
        const int64_t n_rows     = min_of(per_step, n - k);
        int64_t       src_stride = slice;
        const float * src        = float_rows(w, row + k, n_rows, from, to - from, floats, src_stride) + (column - from);
        float * const dst        = panels + k / per_step * PANEL_WIDTH;
        for (int64_t i = 0; i < n_outputs; i += VF_LANES) {
            const int64_t left = n_outputs - i;
            vf            v    = left >= VF_LANES ? load(src + i) : load_first(src + i, left);
            if constexpr (PAIRS) {
                const float * next = src + src_stride + i;
                v = interleave_pairs(v, n_rows < 2 ? zero() : left >= VF_LANES ? load(next) : load_first(next, left));
            }
            store(dst + i / PANEL_WIDTH * (PANEL_DEPTH * PANEL_WIDTH) + i % PANEL_WIDTH, v);
        }
    }
}

/// y (+)= x · panel for the tokens given, `n_outputs` outputs wide.
template <bool PAIRS>
FORJA_INLINE void panel_product(float * y, int64_t y_stride, const float * x, int64_t x_stride, const float * panel,
                                int64_t n_steps, int64_t n_outputs, int64_t n_tokens, bool accumulate, float * tile) {
    const int64_t whole = n_outputs / VF_LANES;
    tile_product<PAIRS>(n_tokens, whole, n_steps, x, x_stride, 1, panel, PANEL_WIDTH, y, y_stride, accumulate);
    const int64_t rest = n_outputs - whole * VF_LANES;
    for (int64_t t = 0; rest > 0 && t < n_tokens; t += PANEL_TOKENS) {
        const int64_t n = min_of(PANEL_TOKENS, n_tokens - t);
        tile_product<PAIRS>(n, 1, n_steps, x + t * x_stride, x_stride, 1, panel + whole * VF_LANES, PANEL_WIDTH, tile,
                            VF_LANES, false);
        for (int64_t i = 0; i < n; ++i) {
            float * const dst = y + (t + i) * y_stride + whole * VF_LANES;
            const vf      v   = load(tile + i * VF_LANES);
            store_first(dst, accumulate ? add(load_first(dst, rest), v) : v, rest);
        }
    }
}

template <bool PAIRS>
FORJA_INLINE void weight_product_of(float * y, int64_t y_stride, const weight_rows & w, bool transposed, const float * x,
                                    int64_t x_stride, int64_t n_tokens, bool accumulate, void * scratch, int ith, int nth) {
    const int64_t  per_step = PAIRS ? 2 : 1;
    const int64_t  slice    = dequantise_slice(w);
    scratch_cursor cursor(scratch);
    float * const  floats = cursor.take(16 * padded(slice) + 2 * padded(PANELS_TOGETHER * PANEL_WIDTH + 2 * w.block_size));
    float * const  tile   = cursor.take(PANEL_TOKENS * PANEL_WIDTH);
    float * const  panels = cursor.next;

    const int64_t n_outputs = transposed ? w.n_in : w.n_out;
    const int64_t n_sum     = transposed ? w.n_out : w.n_in;
    const int64_t together  = transposed ? PANELS_TOGETHER : 1;            // panels packed at a time
    const int64_t deep      = transposed ? PANEL_DEPTH * per_step : slice; // of the sum

    // Panels times tokens, in one line, cut into equal parts: a thread may begin and end inside a panel. Transposed,
    // whole panels are packed together, up to where a row's largest quantisation block ends.
    const int64_t n_panels = (n_outputs + PANEL_WIDTH - 1) / PANEL_WIDTH;
    const int64_t begin    = n_panels * n_tokens * ith / nth;
    const int64_t end      = n_panels * n_tokens * (ith + 1) / nth;
    for (int64_t at = begin; at < end;) {
        const int64_t at_panel = at / n_tokens;
        const int64_t t_begin  = at % n_tokens;
        const int64_t t_count  = min_of(end - at, n_tokens - t_begin);
        const int64_t count    = t_count < n_tokens ? 1 : min_of((end - at) / n_tokens, together - at_panel % together);
        const int64_t first    = at_panel * PANEL_WIDTH;
        const int64_t outputs  = min_of(count * PANEL_WIDTH, n_outputs - first);
        at += count * t_count;
        for (int64_t k = 0; k < n_sum; k += deep) {
            const int64_t n = min_of(deep, n_sum - k);
            if (transposed) {
                pack_panels_transposed<PAIRS>(panels, floats, w, k, n, first, outputs);
            } else {
                pack_panel<PAIRS>(panels, floats, w, first, outputs, k, n);
            }
            const int64_t steps = (n + per_step - 1) / per_step;
            for (int64_t step = 0; step < steps; step += PANEL_DEPTH) {
                for (int64_t o = 0; o < outputs; o += PANEL_WIDTH) {
                    panel_product<PAIRS>(y + t_begin * y_stride + first + o, y_stride,
                                         x + t_begin * x_stride + k / per_step + step, x_stride,
                                         panels + o / PANEL_WIDTH * (PANEL_DEPTH * PANEL_WIDTH) + step * PANEL_WIDTH,
                                         min_of(PANEL_DEPTH, steps - step), min_of(PANEL_WIDTH, outputs - o), t_count,
                                         accumulate || k + step > 0, tile);
                }
            }
        }
    }
}

static void weight_product(product_type type, float * y, int64_t y_stride, const weight_rows & w, bool transposed,
                           const void * x, int64_t x_stride, int64_t n_tokens, bool accumulate, void * scratch, int ith,
                           int nth) {
#if defined(FORJA_SIMD_BF16)
    if (type == product_type::bf16) {
        weight_product_of<true>(y, y_stride, w, transposed, (const float *) x, x_stride / 2, n_tokens, accumulate, scratch,
                                ith, nth);
        return;
    }
#endif
    (void) type;
    weight_product_of<false>(y, y_stride, w, transposed, (const float *) x, x_stride, n_tokens, accumulate, scratch, ith,
                             nth);
}

} // namespace forja::cpu::FORJA_ISA
