// Attention in tiles, for one instruction set. Included after tile-product.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

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

/// dst: n_rows rows of d_padded floats = src rows (src_stride apart) of d floats * factor, zeros behind.
FORJA_INLINE void pack_row(float * dst, const float * src, int64_t d, int64_t d_padded, vf factor) {
    int64_t i = 0;
    for (; i + VF_LANES <= d; i += VF_LANES) {
        store(dst + i, mul(load(src + i), factor));
    }
    for (; i < d_padded; i += VF_LANES) {
        store(dst + i, mul(load_first(src + i, max_of<int64_t>(d - i, 0)), factor));
    }
}

/// The rows of a query tile, from ne = [D, n_head, T]: heads_per_kv neighbouring heads of each query.
FORJA_INLINE void pack_query_rows(float * dst, const float * src, const attention_shape & s, const attention_plan & p,
                                  int64_t first_query, int64_t n_rows, int64_t kv_head, float factor) {
    for (int64_t row = 0; row < n_rows; ++row) {
        const int64_t token = first_query + row / p.heads_per_kv;
        const int64_t head  = kv_head * p.heads_per_kv + row % p.heads_per_kv;
        pack_row(dst + row * p.head_dim_padded, src + (token * s.n_head + head) * s.head_dim, s.head_dim,
                 p.head_dim_padded, all(factor));
    }
}

/// dst[key][·] of KEY_TILE rows, zeros past n_keys, from ne = [D, n_head_kv, T].
FORJA_INLINE void pack_keys(float * dst, const float * src, const attention_shape & s, const attention_plan & p,
                            int64_t first_key, int64_t n_keys, int64_t kv_head) {
    for (int64_t key = 0; key < n_keys; ++key) {
        pack_row(dst + key * p.head_dim_padded, src + ((first_key + key) * s.n_head_kv + kv_head) * s.head_dim,
                 s.head_dim, p.head_dim_padded, all(1.0f));
    }
}

/// dst[component][key]: D rows of KEY_TILE floats, zeros past n_keys.
FORJA_INLINE void pack_keys_transposed(float * dst, const float * src, const attention_shape & s, int64_t first_key,
                                       int64_t n_keys, int64_t kv_head) {
    const int64_t stride = s.n_head_kv * s.head_dim;
    const float * base   = src + first_key * stride + kv_head * s.head_dim;
    for (int64_t key = 0; key < KEY_TILE; key += VF_LANES) {
        const int64_t rows = min_of<int64_t>(max_of<int64_t>(n_keys - key, 0), VF_LANES);
        for (int64_t i = 0; i < s.head_dim; i += VF_LANES) {
            transpose_block(dst + i * KEY_TILE + key, KEY_TILE, base + key * stride + i, stride, rows,
                            min_of<int64_t>(s.head_dim - i, VF_LANES), all(1.0f));
        }
    }
}

/// dst[row][key] = sum over D of rows[row][·] * keys_t[·][key], for the vectors of keys that some row of a step sees.
FORJA_INLINE void tile_scores(float * dst, const float * rows, const float * keys_t, const attention_shape & s,
                              const attention_plan & p, const tile_mask & mask, bool full) {
    const int64_t step = full ? mask.n_rows : ROW_STEP;
    for (int64_t row = 0; row < mask.n_rows; row += step) {
        const int64_t   n       = min_of(step, mask.n_rows - row);
        const key_range seen    = mask.of_rows(row, row + n);
        const int64_t   v_begin = seen.lo / VF_LANES;
        const int64_t   v_end   = (seen.hi + VF_LANES - 1) / VF_LANES;
        if (v_end > v_begin) {
            tile_product(n, v_end - v_begin, s.head_dim, rows + row * p.head_dim_padded, p.head_dim_padded, 1,
                         keys_t + v_begin * VF_LANES, KEY_TILE, dst + row * KEY_TILE + v_begin * VF_LANES, KEY_TILE,
                         false);
        }
    }
}

/// dst[row][·] (+)= sum over keys of weights[row][key] * keys[key][·], over the keys that some row of a step sees.
FORJA_INLINE void tile_mix_keys(float * dst, const float * weights, const float * keys, const attention_plan & p,
                                const tile_mask & mask, bool full, bool accumulate) {
    const int64_t step = full ? mask.n_rows : ROW_STEP;
    for (int64_t row = 0; row < mask.n_rows; row += step) {
        const int64_t   n    = min_of(step, mask.n_rows - row);
        const key_range seen = mask.of_rows(row, row + n);
        tile_product(n, p.head_dim_padded / VF_LANES, max_of<int64_t>(seen.hi - seen.lo, 0),
                     weights + row * KEY_TILE + seen.lo, KEY_TILE, 1, keys + seen.lo * p.head_dim_padded,
                     p.head_dim_padded, dst + row * p.head_dim_padded, p.head_dim_padded, accumulate);
    }
}

/// dst[key][·] += sum over rows of weights[row][key] * rows[row][·], over the rows that see some key of a step.
FORJA_INLINE void tile_mix_rows(float * dst, const float * weights, const float * rows, const attention_plan & p,
                                const tile_mask & mask, bool full) {
    const int64_t step = full ? mask.n_keys : ROW_STEP;
    for (int64_t key = 0; key < mask.n_keys; key += step) {
        const int64_t   n    = min_of(step, mask.n_keys - key);
        const key_range seen = mask.rows_of_keys(key, key + n);
        tile_product(n, p.head_dim_padded / VF_LANES, seen.hi - seen.lo, weights + seen.lo * KEY_TILE + key, 1, KEY_TILE,
                     rows + seen.lo * p.head_dim_padded, p.head_dim_padded, dst + key * p.head_dim_padded,
                     p.head_dim_padded, true);
    }
}

/// Keep the lanes of vector j that hold keys in [lo, hi); `instead` elsewhere.
FORJA_INLINE vf keep_seen(vf x, key_range seen, int64_t j, vf instead) {
    return select(lanes(seen.lo - j * VF_LANES, seen.hi - j * VF_LANES), x, instead);
}

FORJA_INLINE vf softcap(vf x, float cap, float inverse) { return mul(all(cap), tanh(mul(x, all(inverse)))); }

/// One online-softmax step of a row: scores become exp(score - maximum), zeros outside `seen`; the row's maximum, sums and
/// output so far are rescaled where the maximum rises.
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
        x = keep_seen(x, seen, j, minus_inf);
        store(scores + j * VF_LANES, x);
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
        if (j >= v_begin && j < v_end) {
            e     = keep_seen(exp(sub(load(scores + j * VF_LANES), shift)), seen, j, zero());
            total = add(total, e);
        }
        store(scores + j * VF_LANES, e);
    }
    store(sums, total);
}

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
    pack_query_rows(q_rows, q, s, p, first_query, n_rows, kv_head, s.scale);
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
        pack_keys_transposed(k_t, k, s, first_key, n_keys, kv_head);
        pack_keys(v_rows, v, s, p, first_key, n_keys, kv_head);
        tile_scores(scores, q_rows, k_t, s, p, mask, full);
        for (int64_t row = 0; row < n_rows; ++row) {
            softmax_row(scores + row * KEY_TILE, mask.of_row(row), s.logit_softcap, maxima[row],
                        sums + row * PAD_FLOATS, out_rows + row * d_padded, d_padded);
        }
        tile_mix_keys(out_rows, scores, v_rows, p, mask, full, true);
    }

    for (int64_t row = 0; row < n_rows; ++row) {
        const int64_t token = first_query + row / p.heads_per_kv;
        const int64_t head  = kv_head * p.heads_per_kv + row % p.heads_per_kv;
        const float   total = sum(load(sums + row * PAD_FLOATS));
        float *       dst   = out + (token * s.n_head + head) * s.head_dim;
        const vf      scale = all(1.0f / total);
        for (int64_t i = 0; i < s.head_dim; i += VF_LANES) {
            store_first(dst + i, mul(load(out_rows + row * d_padded + i), scale), s.head_dim - i);
        }
        lse[token * s.n_head + head] = maxima[row] + logf(total);
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
                    forward_tile(s, p, q, k, v, out, lse, scratch, begin, end, kv_head, tile);
                    taker.take_next();
                }
            }
        }
    }
}

/// scores -> probabilities (in place) and d_scores: gradients of probabilities -> gradients of the logits before the cap.
FORJA_INLINE void softmax_backward_row(float * scores, float * d_scores, key_range seen, float logit_softcap, float lse,
                                       float delta) {
    const int64_t v_begin = seen.lo / VF_LANES;
    const int64_t v_end   = (seen.hi + VF_LANES - 1) / VF_LANES;
    for (int64_t j = 0; j < KEY_VECTORS; ++j) {
        vf prob = zero(), grad = zero();
        if (j >= v_begin && j < v_end) {
            vf x     = load(scores + j * VF_LANES);
            vf slope = all(1.0f);
            if (logit_softcap > 0) {
                const vf t = tanh(mul(x, all(1.0f / logit_softcap)));
                x          = mul(t, all(logit_softcap));
                slope      = sub(slope, mul(t, t));
            }
            prob = keep_seen(exp(sub(x, all(lse))), seen, j, zero());
            grad = mul(prob, sub(load(d_scores + j * VF_LANES), all(delta)));
            if (logit_softcap > 0) {
                grad = mul(grad, slope);
            }
            grad = keep_seen(grad, seen, j, zero());
        }
        store(scores + j * VF_LANES, prob);
        store(d_scores + j * VF_LANES, grad);
    }
}

struct attention_gradients {
    const float *q, *k, *v, *out, *lse, *d_out;
    float *      dq; // this chunk's: dq itself or a part of it
    float *      dk;
    float *      dv;
};

FORJA_NOINLINE void backward_chunk(const attention_shape & s, const attention_plan & p, const attention_gradients & g,
                                   void * scratch, int64_t seq_begin, int64_t seq_end, int64_t kv_head, int64_t chunk) {
    const int64_t  d_padded = p.head_dim_padded;
    scratch_cursor cursor(scratch);
    float * const  q_rows   = cursor.take(p.rows_per_tile * d_padded); // times scale
    float * const  do_rows  = cursor.take(p.rows_per_tile * d_padded);
    float * const  dq_rows  = cursor.take(p.rows_per_tile * d_padded);
    float * const  k_rows   = cursor.take(KEY_TILE * d_padded);
    float * const  k_t      = cursor.take(KEY_TILE * d_padded);
    float * const  v_t      = cursor.take(KEY_TILE * d_padded);
    float * const  dk_rows  = cursor.take(KEY_TILE * d_padded);
    float * const  dv_rows  = cursor.take(KEY_TILE * d_padded);
    float * const  scores   = cursor.take(p.rows_per_tile * KEY_TILE);
    float * const  d_scores = cursor.take(p.rows_per_tile * KEY_TILE);
    float * const  lse      = cursor.take(p.rows_per_tile);
    float * const  delta    = cursor.take(p.rows_per_tile);

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
        pack_keys(k_rows, g.k, s, p, first_key, n_keys, kv_head);
        pack_keys_transposed(k_t, g.k, s, first_key, n_keys, kv_head);
        pack_keys_transposed(v_t, g.v, s, first_key, n_keys, kv_head);
        memset(dk_rows, 0, sizeof(float) * (size_t) (KEY_TILE * d_padded));
        memset(dv_rows, 0, sizeof(float) * (size_t) (KEY_TILE * d_padded));

        const int64_t query_end = s.n_swa > 0 ? min_of<int64_t>(seq_end, first_key + n_keys - 1 + s.n_swa) : seq_end;
        for (int64_t first_query = first_key; first_query < query_end; first_query += p.queries_per_tile) {
            const int64_t   n_rows = min_of(p.queries_per_tile, query_end - first_query) * p.heads_per_kv;
            const tile_mask mask   = {first_query, first_key, n_rows, n_keys, p.heads_per_kv, s.n_swa};
            const bool      full   = mask.is_full();
            pack_query_rows(q_rows, g.q, s, p, first_query, n_rows, kv_head, s.scale);
            pack_query_rows(do_rows, g.d_out, s, p, first_query, n_rows, kv_head, 1.0f);
            for (int64_t row = 0; row < n_rows; ++row) {
                const int64_t token = first_query + row / p.heads_per_kv;
                const int64_t head  = kv_head * p.heads_per_kv + row % p.heads_per_kv;
                const float * o     = g.out + (token * s.n_head + head) * s.head_dim;
                vf            dot   = zero();
                for (int64_t i = 0; i < s.head_dim; i += VF_LANES) {
                    const vf ov = i + VF_LANES <= s.head_dim ? load(o + i) : load_first(o + i, s.head_dim - i);
                    dot         = fma(ov, load(do_rows + row * d_padded + i), dot);
                }
                delta[row] = sum(dot);
                lse[row]   = g.lse[token * s.n_head + head];
            }
            tile_scores(scores, q_rows, k_t, s, p, mask, full);
            tile_scores(d_scores, do_rows, v_t, s, p, mask, full);
            for (int64_t row = 0; row < n_rows; ++row) {
                softmax_backward_row(scores + row * KEY_TILE, d_scores + row * KEY_TILE, mask.of_row(row),
                                     s.logit_softcap, lse[row], delta[row]);
            }
            tile_mix_rows(dv_rows, scores, do_rows, p, mask, full);
            tile_mix_rows(dk_rows, d_scores, q_rows, p, mask, full);
            tile_mix_keys(dq_rows, d_scores, k_rows, p, mask, full, false);
            for (int64_t row = 0; row < n_rows; ++row) {
                const int64_t token = first_query + row / p.heads_per_kv;
                const int64_t head  = kv_head * p.heads_per_kv + row % p.heads_per_kv;
                float *       dst   = g.dq + (token * s.n_head + head) * s.head_dim;
                for (int64_t i = 0; i < s.head_dim; i += VF_LANES) {
                    const vf part = load(dq_rows + row * d_padded + i);
                    if (i + VF_LANES <= s.head_dim) {
                        store(dst + i, fma(part, all(s.scale), load(dst + i)));
                    } else {
                        store_first(dst + i, fma(part, all(s.scale), load_first(dst + i, s.head_dim - i)),
                                    s.head_dim - i);
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
        backward_chunk(s, p, g, scratch, s.seq_start[seq], s.seq_start[seq + 1], kv_head, chunk);
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
