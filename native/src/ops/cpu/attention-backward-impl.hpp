// Attention's backward pass, for one instruction set: tiles of keys meet the queries that see them; probabilities are worked out anew.
// Included after attention-tiles-impl.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

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
