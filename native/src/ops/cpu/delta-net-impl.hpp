// Gated delta nets in chunks, for one instruction set. Included after small-product.hpp and vector-math.hpp.
//
// Within a chunk of c tokens that begins with the state M [keys, values], with the sums G_i of the log decays up to token i,
// g_i = exp(G_i), E_ij = exp(G_i - G_j):
//
//     r_i = v_i - g_i M^T k_i - sum over j < i of E_ij (k_i . k_j) d_j,   d_i = beta_i r_i
//     y_i = scale (g_i M^T q_i + sum over j <= i of E_ij (q_i . k_j) d_j)
//     M  := g_c M + sum over j of E_cj k_j d_j^T
//
// so that all but a triangular solve is products of matrices. Source: Yang et al. 2024, "Parallelizing Linear Transformers with the
// Delta Rule", section 3, and "Gated Delta Networks", section 3.3. The way back is the same equations' derivative.
#pragma once

namespace forja::cpu::FORJA_ISA {

// What the chunk of one head is about, and room for it.
struct delta_chunk {
    const delta_net_shape & s;
    int64_t                 n; // tokens
    const float *           q, * k, * v; // of the first token; their rows:
    int64_t                 q_stride, v_stride;
    const float *           kk, * qk; // k_i . k_j and q_i . k_j, [n, n]
    const float *           state;    // null for zeros
    float *                 growth;   // [n] g
    float *                 to_end;   // [n] E_cj
    float *                 decay;    // [n, n] E_ij for j <= i, else 0
    float *                 mixed;    // [n, n] -E_ij k_i . k_j for j < i, else 0
    float *                 seen;     // [n, n] scale E_ij q_i . k_j for j <= i, else 0
    float *                 mk;       // [n, d] M^T k_i
    float *                 rest;     // [n, d] r
    float *                 delta;    // [n, d] d
    float                   beta[DELTA_NET_CHUNK];
};

constexpr int64_t ROWS_SOLVED = 8;

FORJA_INLINE int64_t key_head(const delta_net_shape & s, int64_t head) { return s.is_grouped ? head / (s.n_head / s.n_head_k) : head % s.n_head_k; }

FORJA_NOINLINE void delta_decays(delta_chunk & c, const float * gate, const float * beta) {
    // In two parts, since strong decays add up to numbers of which F32 has too few digits. Padded to the widest vector.
    float  sums[DELTA_NET_CHUNK + 16] = {}, small[DELTA_NET_CHUNK + 16] = {};
    double sum = 0;
    for (int64_t i = 0; i < c.n; i++) {
        sum += gate[i * c.s.n_head];
        sums[i]   = (float) sum;
        small[i]  = (float) (sum - sums[i]);
        c.beta[i] = beta[i * c.s.n_head];
    }
    for (int64_t i = 0; i < c.n; i++) {
        c.growth[i] = ::expf(sums[i]);
        c.to_end[i] = ::expf((float) (sum - sums[i] - small[i]));
        for (int64_t j = 0; j < c.n; j += VF_LANES) {
            const int64_t left = c.n - j;
            const vf      e    = select(lanes(0, i + 1 - j), exp(add(sub(all(sums[i]), load(sums + j)), sub(all(small[i]), load(small + j)))), zero());
            store_first(c.decay + i * c.n + j, e, left);
            store_first(c.seen + i * c.n + j, mul(mul(e, all(c.s.scale)), load_first(c.qk + i * c.n + j, left)), left);
            const vf before = select(lanes(0, i - j), e, zero());
            store_first(c.mixed + i * c.n + j, sub(zero(), mul(before, load_first(c.kk + i * c.n + j, left))), left);
        }
    }
}

// r and d, and M^T k, of a chunk.
FORJA_NOINLINE void delta_solve(delta_chunk & c) {
    const int64_t d = c.s.d, n = c.n;
    if (c.state) {
        product(n, d, d, {c.k, c.q_stride, 1}, c.state, d, c.mk, d, false);
    }
    for (int64_t i = 0; i < n; i++) {
        scaled(c.rest + i * d, c.v + i * c.v_stride, 1.0f, d, false);
        if (c.state) {
            scaled(c.rest + i * d, c.mk + i * d, -c.growth[i], d, true);
        }
    }
    for (int64_t b = 0; b < n; b += ROWS_SOLVED) {
        const int64_t end = min_of<int64_t>(n, b + ROWS_SOLVED);
        if (b > 0) {
            product(end - b, d, b, {c.mixed + b * n, n, 1}, c.delta, d, c.rest + b * d, d, true);
        }
        for (int64_t i = b; i < end; i++) {
            for (int64_t j = b; j < i; j++) {
                scaled(c.rest + i * d, c.delta + j * d, c.mixed[i * n + j], d, true);
            }
            scaled(c.delta + i * d, c.rest + i * d, c.beta[i], d, false);
        }
    }
}

FORJA_INLINE delta_chunk take_chunk(const delta_net_shape & s, scratch_cursor & room) {
    const int64_t c = DELTA_NET_CHUNK, d = s.d;
    delta_chunk   out{s, 0, nullptr, nullptr, nullptr, s.n_head_k * d, s.n_head * d, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, {}};
    out.growth = room.take(c);
    out.to_end = room.take(c);
    out.decay  = room.take(c * c);
    out.mixed  = room.take(c * c);
    out.seen   = room.take(c * c);
    out.mk     = room.take(c * d);
    out.rest   = room.take(c * d);
    out.delta  = room.take(c * d);
    return out;
}

static void delta_net_forward(const delta_net_shape & s, const float * q, const float * k, const float * v, const float * gate, const float * beta,
                              float * y, float * states, void * scratch, int ith, int nth) {
    const int64_t  d = s.d, C = DELTA_NET_CHUNK;
    scratch_cursor room(scratch);
    delta_chunk    c  = take_chunk(s, room);
    float *        kt = room.take(C * d), * kk = room.take(C * C), * qk = room.take(C * C), * weighed = room.take(C * d);
    c.kk = kk;
    c.qk = qk;
    for (int64_t row = 0, first_chunk = 0; row < s.n_seq; row++) {
        const int64_t begin = s.seq_start[row], end = s.seq_start[row + 1], n_chunks = (end - begin + C - 1) / C;
        for (int64_t hk = s.n_head_k * ith / nth; hk < s.n_head_k * (ith + 1) / nth; hk++) {
            for (int64_t at = begin, chunk = first_chunk; at < end; at += C, chunk++) {
                c.n = min_of<int64_t>(C, end - at);
                c.q = q + (at * s.n_head_k + hk) * d;
                c.k = k + (at * s.n_head_k + hk) * d;
                transposed(c.n, d, c.k, c.q_stride, kt, c.n);
                product(c.n, c.n, d, {c.k, c.q_stride, 1}, kt, c.n, kk, c.n, false);
                product(c.n, c.n, d, {c.q, c.q_stride, 1}, kt, c.n, qk, c.n, false);
                for (int64_t h = 0; h < s.n_head; h++) {
                    if (key_head(s, h) != hk) {
                        continue;
                    }
                    float * const state = states + (chunk * s.n_head + h) * d * d;
                    float * const yh    = y + (at * s.n_head + h) * d;
                    c.v     = v + (at * s.n_head + h) * d;
                    c.state = at > begin ? state : nullptr;
                    delta_decays(c, gate + at * s.n_head + h, beta + at * s.n_head + h);
                    delta_solve(c);
                    if (c.state) {
                        product(c.n, d, d, {c.q, c.q_stride, 1}, state, d, yh, c.v_stride, false);
                        for (int64_t i = 0; i < c.n; i++) {
                            scaled(yh + i * c.v_stride, yh + i * c.v_stride, s.scale * c.growth[i], d, false);
                        }
                    }
                    product(c.n, d, c.n, {c.seen, c.n, 1}, c.delta, d, yh, c.v_stride, c.state != nullptr);
                    if (at + C < end) {
                        float * const next = state + s.n_head * d * d;
                        for (int64_t j = 0; j < c.n; j++) {
                            scaled(weighed + j * d, c.delta + j * d, c.to_end[j], d, false);
                        }
                        if (c.state) {
                            scaled(next, state, c.growth[c.n - 1], d * d, false);
                        }
                        product(d, d, c.n, {c.k, 1, c.q_stride}, weighed, d, next, d, c.state != nullptr);
                    }
                }
            }
        }
        first_chunk += n_chunks;
    }
}

// Room for the way back of a chunk of one head, and what goes from chunk to chunk.
struct delta_back {
    float * kt, * dt;    // k and d, transposed: [d, n]
    float * d_delta;     // [n, d]
    float * dy;          // [n, d] scale g_i dy_i
    float * mq;          // [n, d] M^T q_i
    float * nk;          // [n, d] N^T k_i, N the gradient of the state after the chunk
    float * by_key, * by_query; // [n, n]
    float * turned;      // [d, d]
    float   sums[DELTA_NET_CHUNK];
};

FORJA_NOINLINE void delta_back_chunk(delta_chunk & c, delta_back & b, const float * dy, float * d_state, bool has_next, float * dq, float * dk,
                                     float * dv, float * d_gate, float * d_beta) {
    const int64_t d = c.s.d, n = c.n;
    for (int64_t i = 0; i < n; i++) {
        b.sums[i] = 0;
    }
    // Through y, and through the state after the chunk.
    product(n, d, n, {c.seen, 1, n}, dy, c.v_stride, b.d_delta, d, false);
    if (has_next) {
        product(n, d, d, {c.k, c.q_stride, 1}, d_state, d, b.nk, d, false);
        for (int64_t j = 0; j < n; j++) {
            scaled(b.d_delta + j * d, b.nk + j * d, c.to_end[j], d, true);
            const float part = c.to_end[j] * dot_of(b.nk + j * d, c.delta + j * d, d);
            b.sums[j] -= part;
            b.sums[n - 1] += part;
        }
        // dk_j += E_cj N d_j
        transposed(d, d, d_state, d, b.turned, d);
        for (int64_t j = 0; j < n; j++) {
            scaled(b.nk + j * d, c.delta + j * d, c.to_end[j], d, false);
        }
        product(n, d, d, {b.nk, d, 1}, b.turned, d, dk, c.q_stride, true);
    }
    // The transposed triangle, from the last rows up.
    for (int64_t end = n; end > 0;) {
        const int64_t from = (end - 1) / ROWS_SOLVED * ROWS_SOLVED;
        for (int64_t i = end - 1; i >= from; i--) {
            scaled(dv + i * c.v_stride, b.d_delta + i * d, c.beta[i], d, false);
            for (int64_t j = from; j < i; j++) {
                scaled(b.d_delta + j * d, dv + i * c.v_stride, c.mixed[i * n + j], d, true);
            }
        }
        if (from > 0) {
            product(from, d, end - from, {c.mixed + from * n, 1, n}, dv + from * c.v_stride, c.v_stride, b.d_delta, d, true);
        }
        end = from;
    }
    for (int64_t i = 0; i < n; i++) {
        d_beta[i * c.s.n_head] = dot_of(b.d_delta + i * d, c.rest + i * d, d);
    }
    // Through the products of keys and queries within the chunk.
    transposed(n, d, c.delta, d, b.dt, n);
    product(n, n, d, {dv, c.v_stride, 1}, b.dt, n, b.by_key, n, false);
    product(n, n, d, {dy, c.v_stride, 1}, b.dt, n, b.by_query, n, false);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            const float e = c.decay[i * n + j]; // 0 for j > i
            const float x = j < i ? -b.by_key[i * n + j] * e : 0.0f, z = c.s.scale * b.by_query[i * n + j] * e;
            b.by_key[i * n + j]   = x;
            b.by_query[i * n + j] = z;
            const float part = x * c.kk[i * n + j] + z * c.qk[i * n + j];
            b.sums[i] += part;
            b.sums[j] -= part;
        }
    }
    product(n, d, n, {b.by_query, n, 1}, c.k, c.q_stride, dq, c.q_stride, true);
    product(n, d, n, {b.by_query, 1, n}, c.q, c.q_stride, dk, c.q_stride, true);
    product(n, d, n, {b.by_key, n, 1}, c.k, c.q_stride, dk, c.q_stride, true);
    product(n, d, n, {b.by_key, 1, n}, c.k, c.q_stride, dk, c.q_stride, true);
    if (c.state) {
        // Through the state before the chunk. d_delta holds g_i beta_i times its own gradient from here on, with the sign of mk's.
        product(n, d, d, {c.q, c.q_stride, 1}, c.state, d, b.mq, d, false);
        for (int64_t i = 0; i < n; i++) {
            scaled(b.dy + i * d, dy + i * c.v_stride, c.s.scale * c.growth[i], d, false);
            scaled(b.d_delta + i * d, dv + i * c.v_stride, -c.growth[i], d, false);
            b.sums[i] += dot_of(b.dy + i * d, b.mq + i * d, d) + dot_of(b.d_delta + i * d, c.mk + i * d, d);
        }
        transposed(d, d, c.state, d, b.turned, d);
        product(n, d, d, {b.dy, d, 1}, b.turned, d, dq, c.q_stride, true);
        product(n, d, d, {b.d_delta, d, 1}, b.turned, d, dk, c.q_stride, true);
        if (has_next) {
            b.sums[n - 1] += c.growth[n - 1] * dot_of(d_state, c.state, d * d);
            scaled(d_state, d_state, c.growth[n - 1], d * d, false);
        }
        product(d, d, n, {c.q, 1, c.q_stride}, b.dy, d, d_state, d, has_next);
        product(d, d, n, {c.k, 1, c.q_stride}, b.d_delta, d, d_state, d, true);
    }
    float sum = 0;
    for (int64_t i = n - 1; i >= 0; i--) {
        sum += b.sums[i];
        d_gate[i * c.s.n_head] = sum;
    }
}

static void delta_net_backward(const delta_net_shape & s, const float * q, const float * k, const float * v, const float * gate,
                               const float * beta, const float * states, const float * dy, float * dq, float * dk, float * dv, float * d_gate,
                               float * d_beta, void * scratch, int ith, int nth) {
    const int64_t  d = s.d, C = DELTA_NET_CHUNK, shared = s.n_head / s.n_head_k;
    scratch_cursor room(scratch);
    delta_chunk    c  = take_chunk(s, room);
    float *        kt = room.take(C * d), * kk = room.take(C * C), * qk = room.take(C * C);
    delta_back     b{kt, room.take(C * d), room.take(C * d), room.take(C * d), room.take(C * d), room.take(C * d), room.take(C * C), room.take(C * C), room.take(d * d), {}};
    float *        d_states = room.take(shared * d * d);
    c.kk = kk;
    c.qk = qk;
    for (int64_t row = 0, first_chunk = 0; row < s.n_seq; row++) {
        const int64_t begin = s.seq_start[row], end = s.seq_start[row + 1], n_chunks = (end - begin + C - 1) / C;
        for (int64_t hk = s.n_head_k * ith / nth; hk < s.n_head_k * (ith + 1) / nth; hk++) {
            for (int64_t chunk = n_chunks - 1; chunk >= 0; chunk--) {
                const int64_t at = begin + chunk * C;
                c.n = min_of<int64_t>(C, end - at);
                c.q = q + (at * s.n_head_k + hk) * d;
                c.k = k + (at * s.n_head_k + hk) * d;
                float * const dqh = dq + (at * s.n_head_k + hk) * d, * const dkh = dk + (at * s.n_head_k + hk) * d;
                for (int64_t i = 0; i < c.n; i++) {
                    memset(dqh + i * c.q_stride, 0, (size_t) d * sizeof(float));
                    memset(dkh + i * c.q_stride, 0, (size_t) d * sizeof(float));
                }
                transposed(c.n, d, c.k, c.q_stride, kt, c.n);
                product(c.n, c.n, d, {c.k, c.q_stride, 1}, kt, c.n, kk, c.n, false);
                product(c.n, c.n, d, {c.q, c.q_stride, 1}, kt, c.n, qk, c.n, false);
                for (int64_t h = 0, place = 0; h < s.n_head; h++) {
                    if (key_head(s, h) != hk) {
                        continue;
                    }
                    const int64_t first = at * s.n_head + h;
                    c.v     = v + first * d;
                    c.state = chunk > 0 ? states + ((first_chunk + chunk) * s.n_head + h) * d * d : nullptr;
                    delta_decays(c, gate + first, beta + first);
                    delta_solve(c);
                    delta_back_chunk(c, b, dy + first * d, d_states + place++ * d * d, chunk + 1 < n_chunks, dqh, dkh, dv + first * d,
                                     d_gate + first, d_beta + first);
                }
            }
        }
        first_chunk += n_chunks;
    }
}

} // namespace forja::cpu::FORJA_ISA
