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

/// One tile of rows against one tile of keys: who sees whom.
struct tile_mask {
    int64_t first_query; // token of row 0
    int64_t first_key;   // token of key 0
    int64_t n_rows, n_keys, heads_per_kv, n_swa;

    key_range of_row(int64_t row) const {
        const int64_t ahead = first_query + row / heads_per_kv - first_key; // the query's own key, tile-relative
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

// With PAIRS the operands of products are pairs of BF16 along the product's sum (see tile-product.hpp): rows of D values are
// D/2 pairs; what is summed over keys or rows has two neighbouring keys or rows in each pair.

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
    int64_t first_query, n_head, first_head, heads_per_kv;

    int64_t index(int64_t row) const { // of the head's vector, in all of T
        return (first_query + row / heads_per_kv) * n_head + first_head + row % heads_per_kv;
    }
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

/// dst[key][·] += sum over rows of weights[row][key] * rows[row][·], over the rows that see some key of a step. With PAIRS
/// weights and rows are both pairs of rows, those of weights weights_stride apart.
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

FORJA_INLINE vf softcap(vf x, float cap, float inverse) { return mul(all(cap), tanh(mul(x, all(inverse)))); }

/// One online-softmax step of a row: scores become exp(score - maximum), zeros outside `seen`; the row's maximum, sums and
/// output so far are rescaled where the maximum rises. With PAIRS the results are BF16, in the row's first half.
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
            x = softcap(x, logit_softcap, 1.0f / logit_softcap);
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
        const vf factor = exp(all(maximum - tile_max)); // the first time exp(-inf): sums and out are zero then
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
            e     = exp(sub(load(scores + j * VF_LANES), shift));
            total = add(total, e);
        } else if (j >= v_begin && j < v_end) {
            e     = keep_seen(exp(sub(load(scores + j * VF_LANES), shift)), seen, j, zero());
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

    const int64_t first_query = seq_begin + tile * p.queries_per_tile;
    const int64_t n_queries   = min_of(p.queries_per_tile, seq_end - first_query);
    const int64_t n_rows      = n_queries * p.heads_per_kv;
    const row_finder rows = {first_query, s.n_head, kv_head * p.heads_per_kv, p.heads_per_kv};
    pack_query_rows<PAIRS>(q_rows, q, rows, n_rows, s.head_dim, d_padded, s.scale);
    memset(out_rows, 0, sizeof(float) * (size_t) (n_rows * d_padded));
    memset(sums, 0, sizeof(float) * (size_t) (n_rows * PAD_FLOATS));
    for (int64_t row = 0; row < n_rows; ++row) {
        maxima[row] = -INFINITY;
    }

    const int64_t key_begin = s.n_swa > 0 ? max_of<int64_t>(seq_begin, first_query - s.n_swa + 1) : seq_begin;
    const int64_t key_end   = first_query + n_queries;
    for (int64_t first_key = key_begin; first_key < key_end; first_key += KEY_TILE) {
        const int64_t   n_keys = min_of(KEY_TILE, key_end - first_key);
        const tile_mask mask   = {first_query, first_key, n_rows, n_keys, p.heads_per_kv, s.n_swa};
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
        lse[rows.index(row)] = maxima[row] + logf(total);
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

/// From vector j of a row's scores and of the gradients of its probabilities: the probabilities, and the gradients of the
/// logits before the cap. Zeros outside `seen`.
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
        x          = mul(t, all(logit_softcap));
        slope      = sub(slope, mul(t, t));
    }
    vf prob = exp(sub(x, lse));
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

/// Two rows (or one, with zeros for the other) of scores and d_scores in place. F32: probabilities and gradients of logits
/// where they were. PAIRS: both as pairs of the two rows, where the first row was; the gradients also as BF16 rows of
/// KEY_TILE, in ds_rows.
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

template <bool PAIRS>
FORJA_NOINLINE void backward_chunk(const attention_shape & s, const attention_plan & p, const attention_gradients & g,
                                   void * scratch, int64_t seq_begin, int64_t seq_end, int64_t kv_head, int64_t chunk) {
    const int64_t  d_padded = p.head_dim_padded;
    scratch_cursor cursor(scratch);
    const int64_t  most     = p.rows_per_tile + 1;
    const int64_t  d_row    = PAIRS ? d_padded / 2 : d_padded;         // floats that a row of D values takes
    float * const  q_rows   = cursor.take(most * d_row);               // times scale, as do_rows for sums over D
    float * const  do_rows  = cursor.take(most * d_row);
    float * const  q_down   = PAIRS ? cursor.take(most * d_row) : q_rows; // for sums over rows
    float * const  do_down  = PAIRS ? cursor.take(most * d_row) : do_rows;
    float * const  dq_rows  = cursor.take(p.rows_per_tile * d_padded);
    float * const  k_rows   = cursor.take(KEY_TILE * d_row);
    float * const  k_t      = cursor.take(KEY_TILE * d_row);
    float * const  v_t      = cursor.take(KEY_TILE * d_row);
    float * const  dk_rows  = cursor.take(KEY_TILE * d_padded);
    float * const  dv_rows  = cursor.take(KEY_TILE * d_padded);
    float * const  scores   = cursor.take(most * KEY_TILE);
    float * const  d_scores = cursor.take(most * KEY_TILE);
    float * const  ds_rows  = PAIRS ? cursor.take(most * KEY_TILE / 2) : d_scores;
    float * const  lse      = cursor.take(most);
    float * const  delta    = cursor.take(most);

    const int64_t n_tiles = (seq_end - seq_begin + KEY_TILE - 1) / KEY_TILE;
    if (chunk >= n_tiles) {
        return;
    }
    for (int64_t token = seq_begin + chunk * KEY_TILE; token < seq_end; ++token) {
        memset(g.dq + (token * s.n_head + kv_head * p.heads_per_kv) * s.head_dim, 0,
               sizeof(float) * (size_t) (p.heads_per_kv * s.head_dim));
    }
    for (int64_t round = 0;; ++round) {
        const int64_t first_key = seq_begin + chunk_tile(p.n_chunks, chunk, round) * KEY_TILE;
        if (round * p.n_chunks >= n_tiles) {
            break;
        }
        if (first_key >= seq_end) {
            continue;
        }
        const int64_t n_keys = min_of(KEY_TILE, seq_end - first_key);
        pack_keys<PAIRS>(k_rows, g.k, s, p, first_key, n_keys, kv_head);
        pack_keys_transposed<PAIRS>(k_t, g.k, s, first_key, n_keys, kv_head);
        pack_keys_transposed<PAIRS>(v_t, g.v, s, first_key, n_keys, kv_head);
        memset(dk_rows, 0, sizeof(float) * (size_t) (KEY_TILE * d_padded));
        memset(dv_rows, 0, sizeof(float) * (size_t) (KEY_TILE * d_padded));

        const int64_t query_end = s.n_swa > 0 ? min_of<int64_t>(seq_end, first_key + n_keys - 1 + s.n_swa) : seq_end;
        for (int64_t first_query = first_key; first_query < query_end; first_query += p.queries_per_tile) {
            const int64_t   n_rows = min_of(p.queries_per_tile, query_end - first_query) * p.heads_per_kv;
            const tile_mask mask   = {first_query, first_key, n_rows, n_keys, p.heads_per_kv, s.n_swa};
            const bool      full   = mask.is_full();
            const row_finder rows = {first_query, s.n_head, kv_head * p.heads_per_kv, p.heads_per_kv};
            pack_query_rows<PAIRS>(q_rows, g.q, rows, n_rows, s.head_dim, d_padded, s.scale);
            pack_query_rows<PAIRS>(do_rows, g.d_out, rows, n_rows, s.head_dim, d_padded, 1.0f);
            if constexpr (PAIRS) {
                pack_query_row_pairs(q_down, g.q, rows, n_rows, s.head_dim, d_padded, s.scale);
                pack_query_row_pairs(do_down, g.d_out, rows, n_rows, s.head_dim, d_padded, 1.0f);
            }
            for (int64_t row = 0; row < n_rows; ++row) {
                const float * const o   = g.out + rows.index(row) * s.head_dim;
                const float * const d_o = g.d_out + rows.index(row) * s.head_dim;
                vf                  dot = zero();
                for (int64_t i = 0; i < s.head_dim; i += VF_LANES) {
                    const int64_t left = s.head_dim - i;
                    dot = left >= VF_LANES ? fma(load(o + i), load(d_o + i), dot)
                                           : fma(load_first(o + i, left), load_first(d_o + i, left), dot);
                }
                delta[row] = sum(dot);
                lse[row]   = g.lse[rows.index(row)];
            }
            tile_scores<PAIRS>(scores, q_rows, k_t, s, p, mask, full);
            tile_scores<PAIRS>(d_scores, do_rows, v_t, s, p, mask, full);
            for (int64_t row = 0; row < n_rows; row += 2) {
                const bool      both    = row + 1 < n_rows;
                const key_range seen[2] = {mask.of_row(row), mask.of_row(both ? row + 1 : row)};
                if (full && n_keys == KEY_TILE) {
                    softmax_backward_rows<PAIRS, false>(scores + row * KEY_TILE, d_scores + row * KEY_TILE,
                                                        ds_rows + row * KEY_TILE / 2, seen, s.logit_softcap, lse + row,
                                                        delta + row, both);
                } else {
                    softmax_backward_rows<PAIRS, true>(scores + row * KEY_TILE, d_scores + row * KEY_TILE,
                                                       ds_rows + row * KEY_TILE / 2, seen, s.logit_softcap, lse + row,
                                                       delta + row, both);
                }
            }
            const int64_t pair_stride = PAIRS ? 2 * KEY_TILE : KEY_TILE;
            tile_mix_rows<PAIRS>(dv_rows, scores, pair_stride, do_down, p, mask, full);
            tile_mix_rows<PAIRS>(dk_rows, d_scores, pair_stride, q_down, p, mask, full);
            tile_mix_keys<PAIRS>(dq_rows, ds_rows, PAIRS ? KEY_TILE / 2 : KEY_TILE, k_rows, p, mask, full, false);
            for (int64_t row = 0; row < n_rows; ++row) {
                float * const dst = g.dq + rows.index(row) * s.head_dim;
                for (int64_t i = 0; i < s.head_dim; i += VF_LANES) {
                    const vf      part = load(dq_rows + row * d_padded + i);
                    const int64_t left = s.head_dim - i;
                    if (left >= VF_LANES) {
                        store(dst + i, fma(part, all(s.scale), load(dst + i)));
                    } else {
                        store_first(dst + i, fma(part, all(s.scale), load_first(dst + i, left)), left);
                    }
                }
            }
        }
        for (int64_t key = 0; key < n_keys; ++key) {
            const int64_t at = ((first_key + key) * s.n_head_kv + kv_head) * s.head_dim;
            for (int64_t i = 0; i < s.head_dim; i += VF_LANES) {
                store_first(g.dk + at + i, load(dk_rows + key * d_padded + i), s.head_dim - i);
                store_first(g.dv + at + i, load(dv_rows + key * d_padded + i), s.head_dim - i);
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
