// Attention's forward pass, for one instruction set: a tile of queries meets the keys tile by tile, with an online softmax. Included
// after attention-tiles-impl.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

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

} // namespace forja::cpu::FORJA_ISA
