// Attention in tiles, for one instruction set. Included after tile-product.hpp.
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

/// One online-softmax step of a row: scores (times log2(e)) become exp2(score - maximum), zeros outside `seen`; the
/// row's maximum, sums and output so far are rescaled where the maximum rises. With PAIRS the results are BF16, in the
/// row's first half.
template <bool PAIRS, bool MASKED>
FORJA_INLINE void softmax_row(float * scores, key_range seen, float logit_softcap, float & maximum, float * sums,
                              float * out, int64_t d_padded) {
    const vf      minus_inf = all(-INFINITY);
    const int64_t v_begin   = seen.lo / VF_LANES;
    const int64_t v_end     = (seen.hi + VF_LANES - 1) / VF_LANES;
    vf            top       = minus_inf;
    for (int64_t j = v_begin; j < v_end; ++j) {
        vf x = load(scores + j * VF_LANES);
        if (logit_softcap > 0) {
            x = mul(all(logit_softcap * LOG2_E), tanh(mul(x, all(1.0f / logit_softcap))));
        }
        if constexpr (MASKED) {
            x = keep_seen(x, seen, j, minus_inf);
        }
        if (MASKED || logit_softcap > 0) {
            store(scores + j * VF_LANES, x);
        }
        top = vmaxf(top, x);
    }
    const float tile_max = max(top);
    if (tile_max > maximum) {
        const vf factor = exp2(all(maximum - tile_max)); // the first time of -inf: sums and out are zero then
        store(sums, mul(load(sums), factor));
        for (int64_t i = 0; i < d_padded; i += VF_LANES) {
            store(out + i, mul(load(out + i), factor));
        }
        maximum = tile_max;
    }
    const vf shift = all(maximum);
    vf       total = load(sums);
    for (int64_t j = 0; j < KEY_VECTORS; ++j) {
        vf e = zero();
        if (!MASKED) {
            e     = exp2(sub(load(scores + j * VF_LANES), shift));
            total = add(total, e);
        } else if (j >= v_begin && j < v_end) {
            e     = keep_seen(exp2(sub(load(scores + j * VF_LANES), shift)), seen, j, zero());
            total = add(total, e);
        }
        if constexpr (PAIRS) {
            store_bf16((uint16_t *) scores + j * VF_LANES, e); // behind what has been read
        } else {
            store(scores + j * VF_LANES, e);
        }
    }
    store(sums, total);
}

template <bool PAIRS>
FORJA_NOINLINE void forward_tile(const attention_shape & s, const attention_plan & p, const float * q, const float * k,
                                 const float * v, float * out, float * lse, void * scratch, int64_t seq_begin,
                                 int64_t seq_end, int64_t kv_head, int64_t tile) {
    const int64_t  d_padded    = p.head_dim_padded;
    scratch_cursor cursor(scratch);
    float * const  q_rows      = cursor.take(p.rows_per_tile * d_padded);
    float * const  out_rows    = cursor.take(p.rows_per_tile * d_padded);
    float * const  k_t         = cursor.take(KEY_TILE * d_padded);
    float * const  v_rows      = cursor.take(KEY_TILE * d_padded);
    float * const  scores      = cursor.take(p.rows_per_tile * KEY_TILE);
    float * const  sums        = cursor.take(p.rows_per_tile * PAD_FLOATS);
    float * const  maxima      = cursor.take(p.rows_per_tile);
    const row_table table(cursor, s, p);

    const int64_t first_query = seq_begin + tile * p.queries_per_tile;
    const int64_t n_queries   = min_of(p.queries_per_tile, seq_end - first_query);
    const int64_t n_rows      = n_queries * p.heads_per_kv;
    const row_finder rows = {table, first_query * s.n_head + kv_head * p.heads_per_kv};
    pack_query_rows<PAIRS>(q_rows, q, rows, n_rows, s.head_dim, d_padded, query_factor(s));
    memset(out_rows, 0, sizeof(float) * (size_t) (n_rows * d_padded));
    memset(sums, 0, sizeof(float) * (size_t) (n_rows * PAD_FLOATS));
    for (int64_t row = 0; row < n_rows; ++row) {
        maxima[row] = -INFINITY;
    }

    const int64_t key_begin = s.n_swa > 0 ? max_of<int64_t>(seq_begin, first_query - s.n_swa + 1) : seq_begin;
    const int64_t key_end   = first_query + n_queries;
    for (int64_t first_key = key_begin; first_key < key_end; first_key += KEY_TILE) {
        const int64_t   n_keys = min_of(KEY_TILE, key_end - first_key);
        const tile_mask mask   = {table, first_query, first_key, n_rows, n_keys, p.heads_per_kv, s.n_swa};
        const bool      full   = mask.is_full();
        pack_keys_transposed<PAIRS>(k_t, k, s, first_key, n_keys, kv_head);
        pack_keys<PAIRS>(v_rows, v, s, p, first_key, n_keys, kv_head);
        tile_scores<PAIRS>(scores, q_rows, k_t, s, p, mask, full);
        for (int64_t row = 0; row < n_rows; ++row) {
            const key_range seen = mask.of_row(row);
            if (seen.lo == 0 && seen.hi == KEY_TILE) {
                softmax_row<PAIRS, false>(scores + row * KEY_TILE, seen, s.logit_softcap, maxima[row],
                                          sums + row * PAD_FLOATS, out_rows + row * d_padded, d_padded);
            } else {
                softmax_row<PAIRS, true>(scores + row * KEY_TILE, seen, s.logit_softcap, maxima[row],
                                         sums + row * PAD_FLOATS, out_rows + row * d_padded, d_padded);
            }
        }
        tile_mix_keys<PAIRS>(out_rows, scores, KEY_TILE, v_rows, p, mask, full, true);
    }

    for (int64_t row = 0; row < n_rows; ++row) {
        const float total = sum(load(sums + row * PAD_FLOATS));
        float *     dst   = out + rows.index(row) * s.head_dim;
        const vf    scale = all(1.0f / total);
        for (int64_t i = 0; i < s.head_dim; i += VF_LANES) {
            store_first(dst + i, mul(load(out_rows + row * d_padded + i), scale), s.head_dim - i);
        }
        lse[rows.index(row)] = maxima[row] * LN_2 + logf(total);
    }
}

static void attention_forward(const attention_shape & s, const float * q, const float * k, const float * v, float * out,
                              float * lse, void * scratch, work_queue * queue, int ith, int nth) {
    const attention_plan p(s);
    int64_t              n_tasks = 0, most_tiles = 0;
    for (int32_t seq = 0; seq < s.n_seq; ++seq) {
        const int64_t tiles =
            (s.seq_start[seq + 1] - s.seq_start[seq] + p.queries_per_tile - 1) / p.queries_per_tile;
        n_tasks += tiles * s.n_head_kv;
        most_tiles = max_of(most_tiles, tiles);
    }
    task_taker taker(queue, n_tasks, ith, nth);
    int64_t    task = 0;
    for (int64_t tile = most_tiles - 1; tile >= 0; --tile) { // late queries see most keys: the dearest tasks first
        for (int32_t seq = 0; seq < s.n_seq; ++seq) {
            const int64_t begin = s.seq_start[seq], end = s.seq_start[seq + 1];
            if (begin + tile * p.queries_per_tile >= end) {
                continue;
            }
            for (int64_t kv_head = 0; kv_head < s.n_head_kv; ++kv_head, ++task) {
                if (task == taker.wanted()) {
                    FORJA_BY_TYPE(forward_tile, s.type, (s, p, q, k, v, out, lse, scratch, begin, end, kv_head, tile));
                    taker.take_next();
                }
            }
        }
    }
}

struct prob_and_grad {
    vf prob, grad;
};

/// From vector j of a row's scores (times log2(e) where there is no cap) and of the gradients of its probabilities: the
/// probabilities, and the gradients of the logits before the cap. Zeros outside `seen`. lse is times log2(e).
template <bool MASKED>
FORJA_INLINE prob_and_grad softmax_backward(const float * scores, const float * d_scores, key_range seen, int64_t j,
                                            float logit_softcap, vf lse, vf delta) {
    if (MASKED && (j < seen.lo / VF_LANES || j * VF_LANES >= seen.hi)) {
        return {zero(), zero()};
    }
    vf x     = load(scores + j * VF_LANES);
    vf slope = all(1.0f);
    if (logit_softcap > 0) {
        const vf t = tanh(mul(x, all(1.0f / logit_softcap)));
        x          = mul(t, all(logit_softcap * LOG2_E));
        slope      = sub(slope, mul(t, t));
    }
    vf prob = exp2(sub(x, lse));
    vf grad = mul(prob, sub(load(d_scores + j * VF_LANES), delta));
    if (logit_softcap > 0) {
        grad = mul(grad, slope);
    }
    if constexpr (MASKED) {
        prob = keep_seen(prob, seen, j, zero());
        grad = keep_seen(grad, seen, j, zero());
    }
    return {prob, grad};
}

/// Two rows (or one, with zeros for the other) of scores and d_scores in place. F32: probabilities and gradients of
/// logits where they were. PAIRS: both as pairs of the two rows, where the first row was; the gradients also as BF16
/// rows of KEY_TILE, in ds_rows.
template <bool PAIRS, bool MASKED>
FORJA_INLINE void softmax_backward_rows(float * scores, float * d_scores, float * ds_rows, const key_range * seen,
                                        float logit_softcap, const float * lse, const float * delta, bool both) {
    const vf lse0 = all(lse[0]), delta0 = all(delta[0]);
    const vf lse1 = all(both ? lse[1] : 0), delta1 = all(both ? delta[1] : 0);
    for (int64_t j = 0; j < KEY_VECTORS; ++j) {
        const prob_and_grad a = softmax_backward<MASKED>(scores, d_scores, seen[0], j, logit_softcap, lse0, delta0);
        prob_and_grad       b = {zero(), zero()};
        if (both) {
            b = softmax_backward<MASKED>(scores + KEY_TILE, d_scores + KEY_TILE, seen[1], j, logit_softcap, lse1, delta1);
        }
        if constexpr (PAIRS) {
            store(scores + j * VF_LANES, interleave_pairs(a.prob, b.prob));
            store(d_scores + j * VF_LANES, interleave_pairs(a.grad, b.grad));
            store_bf16((uint16_t *) ds_rows + j * VF_LANES, a.grad);
            store_bf16((uint16_t *) ds_rows + KEY_TILE + j * VF_LANES, b.grad);
        } else {
            store(scores + j * VF_LANES, a.prob);
            store(d_scores + j * VF_LANES, a.grad);
            if (both) {
                store(scores + KEY_TILE + j * VF_LANES, b.prob);
                store(d_scores + KEY_TILE + j * VF_LANES, b.grad);
            }
        }
    }
}

struct attention_gradients {
    const float *q, *k, *v, *out, *lse, *d_out;
    float *      dq; // this chunk's: dq itself or a part of it
    float *      dk;
    float *      dv;
};

/// One key tile in the making.
struct key_tile {
    int64_t first_key, n_keys;
    float * k_rows; // for dq
    float * k_t;    // for the scores
    float * v_t;    // for the gradients of the probabilities
    float * dk;
    float * dv;
};

/// One query tile, packed for all key tiles that it meets.
struct query_tile {
    row_finder rows;
    int64_t    n_rows;
    float *    q_rows;  // for sums over D; times query_factor
    float *    do_rows;
    float *    q_down;  // for sums over rows. F32: q_rows and do_rows themselves. PAIRS: pairs of rows, q times scale
    float *    do_down;
    float *    lse;     // times log2(e)
    float *    delta;   // sum over D of d_out * out
    float *    dq;
};

template <bool PAIRS>
FORJA_INLINE void pack_query_tile(const query_tile & t, const attention_shape & s, const attention_plan & p,
                                  const attention_gradients & g) {
    const int64_t d = s.head_dim, d_padded = p.head_dim_padded;
    pack_query_rows<PAIRS>(t.q_rows, g.q, t.rows, t.n_rows, d, d_padded, query_factor(s));
    pack_query_rows<PAIRS>(t.do_rows, g.d_out, t.rows, t.n_rows, d, d_padded, 1.0f);
    if constexpr (PAIRS) {
        pack_query_row_pairs(t.q_down, g.q, t.rows, t.n_rows, d, d_padded, s.scale);
        pack_query_row_pairs(t.do_down, g.d_out, t.rows, t.n_rows, d, d_padded, 1.0f);
    }
    for (int64_t row = 0; row < t.n_rows; ++row) {
        const int64_t       at  = t.rows.index(row);
        const float * const o   = g.out + at * d;
        const float * const d_o = g.d_out + at * d;
        vf                  dot = zero();
        for (int64_t i = 0; i < d; i += VF_LANES) {
            const int64_t left = d - i;
            dot                = left >= VF_LANES ? fma(load(o + i), load(d_o + i), dot)
                                                  : fma(load_first(o + i, left), load_first(d_o + i, left), dot);
        }
        t.delta[row] = sum(dot);
        t.lse[row]   = g.lse[at] * LOG2_E;
    }
}

/// dk, dv of the key tile += what the query tile gives; dq of the query tile (+)= what the key tile gives.
template <bool PAIRS>
FORJA_INLINE void backward_tiles(const key_tile & keys, const query_tile & t, const tile_mask & mask,
                                 const attention_shape & s, const attention_plan & p, float * scores, float * d_scores,
                                 float * ds_rows, bool accumulate_dq) {
    const bool full = mask.is_full();
    tile_scores<PAIRS>(scores, t.q_rows, keys.k_t, s, p, mask, full);
    tile_scores<PAIRS>(d_scores, t.do_rows, keys.v_t, s, p, mask, full);
    for (int64_t row = 0; row < t.n_rows; row += 2) {
        const bool      both    = row + 1 < t.n_rows;
        const key_range seen[2] = {mask.of_row(row), mask.of_row(both ? row + 1 : row)};
        if (full && keys.n_keys == KEY_TILE) {
            softmax_backward_rows<PAIRS, false>(scores + row * KEY_TILE, d_scores + row * KEY_TILE,
                                                ds_rows + row * KEY_TILE / 2, seen, s.logit_softcap, t.lse + row,
                                                t.delta + row, both);
        } else {
            softmax_backward_rows<PAIRS, true>(scores + row * KEY_TILE, d_scores + row * KEY_TILE,
                                               ds_rows + row * KEY_TILE / 2, seen, s.logit_softcap, t.lse + row,
                                               t.delta + row, both);
        }
    }
    const int64_t stride = PAIRS ? 2 * KEY_TILE : KEY_TILE;
    tile_mix_rows<PAIRS>(keys.dv, scores, stride, t.do_down, p, mask, full);
    tile_mix_rows<PAIRS>(keys.dk, d_scores, stride, t.q_down, p, mask, full);
    tile_mix_keys<PAIRS>(t.dq, ds_rows, PAIRS ? KEY_TILE / 2 : KEY_TILE, keys.k_rows, p, mask, full, accumulate_dq);
}

/// dst[0 .. d) (+)= src * factor
FORJA_INLINE void unpack_row(float * dst, const float * src, int64_t d, float factor, bool accumulate) {
    for (int64_t i = 0; i < d; i += VF_LANES) {
        const int64_t left = d - i;
        const vf      x    = mul(load(src + i), all(factor));
        if (left >= VF_LANES) {
            store(dst + i, accumulate ? add(load(dst + i), x) : x);
        } else {
            store_first(dst + i, accumulate ? add(load_first(dst + i, left), x) : x, left);
        }
    }
}

template <bool PAIRS>
FORJA_NOINLINE void backward_chunk(const attention_shape & s, const attention_plan & p, const attention_gradients & g,
                                   void * scratch, int64_t seq_begin, int64_t seq_end, int64_t kv_head, int64_t chunk) {
    const int64_t   d_padded = p.head_dim_padded;
    const int64_t   d_row    = PAIRS ? d_padded / 2 : d_padded; // floats that a row of D values takes
    const int64_t   most     = p.rows_per_tile + 1;
    scratch_cursor  cursor(scratch);
    const row_table table(cursor, s, p);
    query_tile      queries = {{table, 0}, 0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
    queries.q_rows          = cursor.take(most * d_row);
    queries.do_rows         = cursor.take(most * d_row);
    queries.q_down          = PAIRS ? cursor.take(most * d_row) : queries.q_rows;
    queries.do_down         = PAIRS ? cursor.take(most * d_row) : queries.do_rows;
    queries.dq              = cursor.take(p.rows_per_tile * d_padded);
    queries.lse             = cursor.take(most);
    queries.delta           = cursor.take(most);
    float * const scores    = cursor.take(most * KEY_TILE);
    float * const d_scores  = cursor.take(most * KEY_TILE);
    float * const ds_rows   = PAIRS ? cursor.take(most * KEY_TILE / 2) : d_scores;
    key_tile      tiles[MAX_KEYS_TOGETHER];
    for (int64_t i = 0; i < p.keys_together; ++i) {
        tiles[i] = {0,
                    0,
                    cursor.take(KEY_TILE * d_row),
                    cursor.take(KEY_TILE * d_row),
                    cursor.take(KEY_TILE * d_row),
                    cursor.take(KEY_TILE * d_padded),
                    cursor.take(KEY_TILE * d_padded)};
    }

    const int64_t n_tiles    = (seq_end - seq_begin + KEY_TILE - 1) / KEY_TILE;
    const int64_t first_head = kv_head * p.heads_per_kv;
    // Without a window the first tiles' pass meets every query from the first key on, and writes; else there are gaps.
    bool dq_is_there = s.n_swa > 0;
    for (int64_t token = seq_begin + chunk * KEY_TILE; dq_is_there && token < seq_end; ++token) {
        memset(g.dq + (token * s.n_head + first_head) * s.head_dim, 0,
               sizeof(float) * (size_t) (p.heads_per_kv * s.head_dim));
    }
    for (int64_t round = 0; round * p.n_chunks < n_tiles;) {
        int64_t n_together = 0;
        for (; n_together < p.keys_together && round * p.n_chunks < n_tiles; ++round) {
            const int64_t first_key = seq_begin + chunk_tile(p.n_chunks, chunk, round) * KEY_TILE;
            if (first_key >= seq_end) {
                continue;
            }
            key_tile & tile = tiles[n_together++];
            tile.first_key  = first_key;
            tile.n_keys     = min_of(KEY_TILE, seq_end - first_key);
            pack_keys<PAIRS>(tile.k_rows, g.k, s, p, first_key, tile.n_keys, kv_head);
            pack_keys_transposed<PAIRS>(tile.k_t, g.k, s, first_key, tile.n_keys, kv_head);
            pack_keys_transposed<PAIRS>(tile.v_t, g.v, s, first_key, tile.n_keys, kv_head);
            memset(tile.dk, 0, sizeof(float) * (size_t) (KEY_TILE * d_padded));
            memset(tile.dv, 0, sizeof(float) * (size_t) (KEY_TILE * d_padded));
        }
        if (n_together == 0) {
            break;
        }
        const key_tile & last      = tiles[n_together - 1];
        const int64_t    query_end =
            s.n_swa > 0 ? min_of<int64_t>(seq_end, last.first_key + last.n_keys - 1 + s.n_swa) : seq_end;
        for (int64_t first_query = tiles[0].first_key; first_query < query_end; first_query += p.queries_per_tile) {
            const int64_t n_queries = min_of(p.queries_per_tile, query_end - first_query);
            queries.n_rows          = n_queries * p.heads_per_kv;
            bool packed             = false;
            for (int64_t i = 0; i < n_together; ++i) {
                const key_tile & keys = tiles[i];
                if (keys.first_key >= first_query + n_queries ||
                    (s.n_swa > 0 && first_query - (keys.first_key + keys.n_keys - 1) >= s.n_swa)) {
                    continue;
                }
                const tile_mask mask = {table,       first_query,    keys.first_key, queries.n_rows,
                                        keys.n_keys, p.heads_per_kv, s.n_swa};
                if (!packed) {
                    queries.rows.first_vector = first_query * s.n_head + first_head;
                    pack_query_tile<PAIRS>(queries, s, p, g);
                }
                backward_tiles<PAIRS>(keys, queries, mask, s, p, scores, d_scores, ds_rows, packed);
                packed = true;
            }
            for (int64_t row = 0; packed && row < queries.n_rows; ++row) {
                unpack_row(g.dq + queries.rows.index(row) * s.head_dim, queries.dq + row * d_padded, s.head_dim, s.scale,
                           dq_is_there);
            }
        }
        dq_is_there = true;
        // F32: dk was summed from q times query_factor.
        const float dk_factor = PAIRS ? 1.0f : s.scale / query_factor(s);
        for (int64_t i = 0; i < n_together; ++i) {
            for (int64_t key = 0; key < tiles[i].n_keys; ++key) {
                const int64_t at = ((tiles[i].first_key + key) * s.n_head_kv + kv_head) * s.head_dim;
                unpack_row(g.dk + at, tiles[i].dk + key * d_padded, s.head_dim, dk_factor, false);
                unpack_row(g.dv + at, tiles[i].dv + key * d_padded, s.head_dim, 1.0f, false);
            }
        }
    }
}

static void attention_backward(const attention_shape & s, const float * q, const float * k, const float * v,
                               const float * out, const float * lse, const float * d_out, float * dq, float * dk,
                               float * dv, void * partial, void * scratch, work_queue * queue, int ith, int nth) {
    const attention_plan p(s);
    const int64_t        dq_floats = s.n_tokens * s.n_head * s.head_dim;
    const int64_t        n_tasks   = s.n_seq * s.n_head_kv * p.n_chunks;
    for (task_taker taker(queue, n_tasks, ith, nth); taker.wanted() < n_tasks; taker.take_next()) {
        const int64_t       chunk   = taker.wanted() % p.n_chunks;
        const int64_t       kv_head = taker.wanted() / p.n_chunks % s.n_head_kv;
        const int64_t       seq     = taker.wanted() / p.n_chunks / s.n_head_kv;
        attention_gradients g       = {q, k, v, out, lse, d_out, dq, dk, dv};
        if (chunk > 0) {
            g.dq = (float *) partial + (chunk - 1) * dq_floats;
        }
        FORJA_BY_TYPE(backward_chunk, s.type,
                      (s, p, g, scratch, s.seq_start[seq], s.seq_start[seq + 1], kv_head, chunk));
    }
}

static void attention_backward_reduce(const attention_shape & s, float * dq, const void * partial, int ith, int nth) {
    const attention_plan p(s);
    const int64_t        row   = s.n_head * s.head_dim;
    const int64_t        begin = s.n_tokens * ith / nth;
    const int64_t        end   = s.n_tokens * (ith + 1) / nth;
    for (int32_t seq = 0; seq < s.n_seq; ++seq) {
        for (int64_t token = max_of<int64_t>(begin, s.seq_start[seq]); token < min_of<int64_t>(end, s.seq_start[seq + 1]);
             ++token) {
            float * dst = dq + token * row;
            for (int64_t chunk = 1; chunk < p.n_chunks && token - s.seq_start[seq] >= chunk * KEY_TILE; ++chunk) {
                const float * part = (const float *) partial + ((chunk - 1) * s.n_tokens + token) * row;
                int64_t       i    = 0;
                for (; i + VF_LANES <= row; i += VF_LANES) {
                    store(dst + i, add(load(dst + i), load(part + i)));
                }
                for (; i < row; ++i) {
                    dst[i] += part[i];
                }
            }
        }
    }
}

} // namespace forja::cpu::FORJA_ISA
