// What attention does with one tile of queries and one tile of keys, forward and backward, for one instruction set: who sees whom,
// packing, products. Included after tile-product.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

// fn<true> args or fn<false> args, by what is multiplied and what this instruction set can.
#if defined(FORJA_SIMD_BF16)
#define FORJA_BY_TYPE(fn, type, args) ((type) == product_type::bf16 ? fn<true> args : fn<false> args)
#else
#define FORJA_BY_TYPE(fn, type, args) fn<false> args
#endif

// Rows whose visible keys are worked out together where a tile is cut by the mask.
constexpr int64_t ROW_STEP = 12;
constexpr int64_t KEY_VECTORS = KEY_TILE / VF_LANES;

/// The keys of one tile that a query sees: tile-relative [lo, hi).
struct key_range {
    int64_t lo, hi;
};

/// Where a row of a query tile belongs, as tables: a division for each use would show.
struct row_table {
    int32_t * query;  // row / heads_per_kv: the query, counted from the tile's first
    int32_t * vector; // its head's place in ne = [D, n_head, T], counted from the first query's first head

    row_table(scratch_cursor & cursor, const attention_shape & s, const attention_plan & p) {
        query  = (int32_t *) cursor.take(p.rows_per_tile);
        vector = (int32_t *) cursor.take(p.rows_per_tile);
        for (int64_t q = 0, row = 0; q < p.queries_per_tile; ++q) {
            for (int64_t head = 0; head < p.heads_per_kv; ++head, ++row) {
                query[row]  = (int32_t) q;
                vector[row] = (int32_t) (q * s.n_head + head);
            }
        }
    }
};

/// One tile of rows against one tile of keys: who sees whom.
struct tile_mask {
    const row_table & table;
    int64_t           first_query; // token of row 0
    int64_t           first_key;   // token of key 0
    int64_t           n_rows, n_keys, heads_per_kv, n_swa;

    key_range of_row(int64_t row) const {
        const int64_t ahead = first_query + table.query[row] - first_key; // the query's own key, tile-relative
        key_range     r     = {0, min_of<int64_t>(max_of<int64_t>(ahead + 1, 0), n_keys)};
        if (n_swa > 0) {
            r.lo = min_of<int64_t>(max_of<int64_t>(ahead - n_swa + 1, 0), n_keys);
        }
        return r;
    }
    /// The union over rows [begin, end): both bounds rise with the row.
    key_range of_rows(int64_t begin, int64_t end) const { return {of_row(begin).lo, of_row(end - 1).hi}; }
    bool      is_full() const { return of_row(0).hi == n_keys && of_row(n_rows - 1).lo == 0; }

    /// The rows that see any of the keys [begin, end), as [lo, hi).
    key_range rows_of_keys(int64_t begin, int64_t end) const {
        const int64_t from = (first_key + begin - first_query) * heads_per_kv;
        key_range     r    = {min_of<int64_t>(max_of<int64_t>(from, 0), n_rows), n_rows};
        if (n_swa > 0) {
            const int64_t to = (first_key + end - 1 + n_swa - first_query) * heads_per_kv;
            r.hi             = min_of<int64_t>(max_of<int64_t>(to, r.lo), n_rows);
        }
        return r;
    }
};

// With PAIRS the operands of products are pairs of BF16 along the product's sum (see tile-product.hpp): rows of D
// values are D/2 pairs; what is summed over keys or rows has two neighbouring keys or rows in each pair.

/// dst[0 .. d_padded) = src[0 .. d) * factor, zeros behind; BF16 with PAIRS.
template <bool PAIRS>
FORJA_INLINE void pack_row(float * dst, const float * src, int64_t d, int64_t d_padded, vf factor) {
    for (int64_t i = 0; i < d_padded; i += VF_LANES) {
        const int64_t left = d - i;
        const vf      x    = mul(left >= VF_LANES ? load(src + i) : load_first(src + i, max_of<int64_t>(left, 0)), factor);
        if constexpr (PAIRS) {
            store_bf16((uint16_t *) dst + i, x);
        } else {
            store(dst + i, x);
        }
    }
}

/// dst[i] = the pair (even[i], odd[i]) * factor; odd may be null (zeros).
FORJA_INLINE void pack_row_pair(float * dst, const float * even, const float * odd, int64_t d, int64_t d_padded,
                                vf factor) {
    for (int64_t i = 0; i < d_padded; i += VF_LANES) {
        const int64_t left = max_of<int64_t>(min_of<int64_t>(d - i, VF_LANES), 0);
        const vf      e    = left == VF_LANES ? load(even + i) : load_first(even + i, left);
        const vf      o    = !odd ? zero() : left == VF_LANES ? load(odd + i) : load_first(odd + i, left);
        store(dst + i, interleave_pairs(mul(e, factor), mul(o, factor)));
    }
}

/// Where a tile's rows lie in a tensor ne = [D, n_head, T]: heads_per_kv neighbouring heads of each query.
struct row_finder {
    const row_table & table;
    int64_t           first_vector; // of row 0

    int64_t index(int64_t row) const { return first_vector + table.vector[row]; } // of the head's vector, in all of T
};

/// The rows of a query tile times `factor`, each d_padded floats or pairs' halves.
template <bool PAIRS>
FORJA_INLINE void pack_query_rows(float * dst, const float * src, const row_finder & rows, int64_t n_rows, int64_t d,
                                  int64_t d_padded, float factor) {
    for (int64_t row = 0; row < n_rows; ++row) {
        pack_row<PAIRS>(dst + row * (PAIRS ? d_padded / 2 : d_padded), src + rows.index(row) * d, d, d_padded, all(factor));
    }
}

/// The same rows two by two, for sums over rows.
FORJA_INLINE void pack_query_row_pairs(float * dst, const float * src, const row_finder & rows, int64_t n_rows, int64_t d,
                                       int64_t d_padded, float factor) {
    for (int64_t row = 0; row < n_rows; row += 2) {
        pack_row_pair(dst + row / 2 * d_padded, src + rows.index(row) * d,
                      row + 1 < n_rows ? src + rows.index(row + 1) * d : nullptr, d, d_padded, all(factor));
    }
}

/// dst[key][·], or [pair of keys][·], of a tile's keys from ne = [D, n_head_kv, T].
template <bool PAIRS>
FORJA_INLINE void pack_keys(float * dst, const float * src, const attention_shape & s, const attention_plan & p,
                            int64_t first_key, int64_t n_keys, int64_t kv_head) {
    const int64_t stride = s.n_head_kv * s.head_dim;
    const float * base   = src + first_key * stride + kv_head * s.head_dim;
    if constexpr (PAIRS) {
        for (int64_t key = 0; key < n_keys; key += 2) {
            pack_row_pair(dst + key / 2 * p.head_dim_padded, base + key * stride,
                          key + 1 < n_keys ? base + (key + 1) * stride : nullptr, s.head_dim, p.head_dim_padded, all(1.0f));
        }
    } else {
        for (int64_t key = 0; key < n_keys; ++key) {
            pack_row<false>(dst + key * p.head_dim_padded, base + key * stride, s.head_dim, p.head_dim_padded, all(1.0f));
        }
    }
}

/// dst[component or pair of components][key]: KEY_TILE keys, zeros past n_keys.
template <bool PAIRS>
FORJA_INLINE void pack_keys_transposed(float * dst, const float * src, const attention_shape & s, int64_t first_key,
                                       int64_t n_keys, int64_t kv_head) {
    const int64_t stride = s.n_head_kv * s.head_dim;
    const float * base   = src + first_key * stride + kv_head * s.head_dim;
    for (int64_t key = 0; key < KEY_TILE; key += VF_LANES) {
        const int64_t rows = min_of<int64_t>(max_of<int64_t>(n_keys - key, 0), VF_LANES);
        if constexpr (PAIRS) {
            for (int64_t i = 0; i < s.head_dim; i += 2 * VF_LANES) {
                transpose_pairs(dst + i / 2 * KEY_TILE + key, KEY_TILE, base + key * stride + i, stride, rows,
                                s.head_dim - i);
            }
        } else {
            for (int64_t i = 0; i < s.head_dim; i += VF_LANES) {
                transpose_block(dst + i * KEY_TILE + key, KEY_TILE, base + key * stride + i, stride, rows,
                                min_of<int64_t>(s.head_dim - i, VF_LANES), all(1.0f));
            }
        }
    }
}

/// dst[row][key] = sum over D of rows[row][·] * keys_t[·][key], for the vectors of keys that some row of a step sees.
template <bool PAIRS>
FORJA_INLINE void tile_scores(float * dst, const float * rows, const float * keys_t, const attention_shape & s,
                              const attention_plan & p, const tile_mask & mask, bool full) {
    const int64_t step   = full ? mask.n_rows : ROW_STEP;
    const int64_t n_k    = PAIRS ? (s.head_dim + 1) / 2 : s.head_dim;
    const int64_t stride = PAIRS ? p.head_dim_padded / 2 : p.head_dim_padded;
    for (int64_t row = 0; row < mask.n_rows; row += step) {
        const int64_t   n       = min_of(step, mask.n_rows - row);
        const key_range seen    = mask.of_rows(row, row + n);
        const int64_t   v_begin = seen.lo / VF_LANES;
        const int64_t   v_end   = (seen.hi + VF_LANES - 1) / VF_LANES;
        if (v_end > v_begin) {
            tile_product<PAIRS>(n, v_end - v_begin, n_k, rows + row * stride, stride, 1, keys_t + v_begin * VF_LANES,
                                KEY_TILE, dst + row * KEY_TILE + v_begin * VF_LANES, KEY_TILE, false);
        }
    }
}

/// dst[row][·] (+)= sum over keys of weights[row][key] * keys[key][·], over the keys that some row of a step sees.
template <bool PAIRS>
FORJA_INLINE void tile_mix_keys(float * dst, const float * weights, int64_t weights_stride, const float * keys,
                                const attention_plan & p, const tile_mask & mask, bool full, bool accumulate) {
    const int64_t step = full ? mask.n_rows : ROW_STEP;
    for (int64_t row = 0; row < mask.n_rows; row += step) {
        const int64_t   n    = min_of(step, mask.n_rows - row);
        const key_range seen = mask.of_rows(row, row + n);
        const int64_t   lo   = PAIRS ? seen.lo / 2 : seen.lo;
        const int64_t   hi   = PAIRS ? (seen.hi + 1) / 2 : seen.hi;
        tile_product<PAIRS>(n, p.head_dim_padded / VF_LANES, max_of<int64_t>(hi - lo, 0),
                            weights + row * weights_stride + lo, weights_stride, 1, keys + lo * p.head_dim_padded,
                            p.head_dim_padded, dst + row * p.head_dim_padded, p.head_dim_padded, accumulate);
    }
}

/// dst[key][·] += sum over rows of weights[row][key] * rows[row][·], over the rows that see some key of a step. With
/// PAIRS weights and rows are both pairs of rows, those of weights weights_stride apart.
template <bool PAIRS>
FORJA_INLINE void tile_mix_rows(float * dst, const float * weights, int64_t weights_stride, const float * rows,
                                const attention_plan & p, const tile_mask & mask, bool full) {
    const int64_t step = full ? mask.n_keys : ROW_STEP;
    for (int64_t key = 0; key < mask.n_keys; key += step) {
        const int64_t   n    = min_of(step, mask.n_keys - key);
        const key_range seen = mask.rows_of_keys(key, key + n);
        const int64_t   lo   = PAIRS ? seen.lo / 2 : seen.lo;
        const int64_t   hi   = PAIRS ? (seen.hi + 1) / 2 : seen.hi;
        tile_product<PAIRS>(n, p.head_dim_padded / VF_LANES, hi - lo, weights + lo * weights_stride + key, 1,
                            weights_stride, rows + lo * p.head_dim_padded, p.head_dim_padded,
                            dst + key * p.head_dim_padded, p.head_dim_padded, true);
    }
}

/// Keep the lanes of vector j that hold keys in [lo, hi); `instead` elsewhere.
FORJA_INLINE vf keep_seen(vf x, key_range seen, int64_t j, vf instead) {
    return select(lanes(seen.lo - j * VF_LANES, seen.hi - j * VF_LANES), x, instead);
}

/// What q is multiplied by when packed for scores: scores come out times log2(e), ready for exp2; those that are capped
/// only after the cap.
FORJA_INLINE float query_factor(const attention_shape & s) { return s.logit_softcap > 0 ? s.scale : s.scale * LOG2_E; }

} // namespace forja::cpu::FORJA_ISA
