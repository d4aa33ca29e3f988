// Legend: d of keys and values, H value heads, c tokens of a chunk, i the token that reads, j the one that wrote; names of matrices as in
// cpu/delta-net-impl.hpp, which has the equations. All values of a chunk are [.., .., H], one matrix for each head; of ggml's product
// a [m, r] and b [m, n] give [r, n].
#include "ops/device-delta-net.hpp"

#include <algorithm>
#include <cmath>

#include "ops/cpu/kernels.hpp"

namespace forja {

namespace {

ggml_tensor * contiguous(ggml_context * ctx, ggml_tensor * t) { return ggml_is_contiguous(t) ? t : ggml_cont(ctx, t); }

ggml_tensor * turned(ggml_context * ctx, ggml_tensor * x) { return ggml_cont(ctx, ggml_transpose(ctx, x)); }

// Tokens first .. first + n of x [m, H, T], as [m, n, H].
ggml_tensor * tokens_of(ggml_context * ctx, ggml_tensor * x, int64_t first, int64_t n) {
    return ggml_cont(ctx, ggml_permute(ctx, ggml_view_3d(ctx, x, x->ne[0], x->ne[1], n, x->nb[1], x->nb[2], first * x->nb[2]), 0, 2, 1, 3));
}

// Parts [m, n, H] one behind the other, as [m, H, T]: in halves, so that each value is copied log(n) times.
ggml_tensor * joined(ggml_context * ctx, const std::vector<ggml_tensor *> & parts, size_t lo, size_t hi) {
    if (hi - lo == 1) {
        return ggml_cont(ctx, ggml_permute(ctx, parts[lo], 0, 2, 1, 3));
    }
    const size_t mid = lo + (hi - lo) / 2;
    return ggml_concat(ctx, joined(ctx, parts, lo, mid), joined(ctx, parts, mid, hi), 2);
}
ggml_tensor * joined(ggml_context * ctx, const std::vector<ggml_tensor *> & parts) { return joined(ctx, parts, 0, parts.size()); }

// Key heads [d, G, T] as many as value heads, and their gradients summed again.
struct head_repeat {
    int64_t d, n_head, n_head_k;
    bool    is_grouped;

    ggml_tensor * repeated(ggml_context * ctx, ggml_tensor * x) const {
        const int64_t r = n_head / n_head_k, T = x->ne[2];
        if (r == 1) {
            return x;
        }
        ggml_tensor * one = is_grouped ? ggml_reshape_3d(ctx, x, d, 1, n_head_k * T) : ggml_reshape_3d(ctx, x, d * n_head_k, 1, T);
        return ggml_reshape_3d(ctx, ggml_repeat_4d(ctx, one, one->ne[0], r, one->ne[2], 1), d, n_head, T);
    }
    ggml_tensor * summed(ggml_context * ctx, ggml_tensor * dx) const {
        const int64_t r = n_head / n_head_k, T = dx->ne[2];
        if (r == 1) {
            return dx;
        }
        ggml_tensor * all = is_grouped ? ggml_reshape_3d(ctx, dx, d, r, n_head_k * T) : ggml_reshape_3d(ctx, dx, d * n_head_k, r, T);
        ggml_tensor * one = ggml_new_tensor_3d(ctx, GGML_TYPE_F32, all->ne[0], 1, all->ne[2]);
        return ggml_reshape_3d(ctx, ggml_repeat_back(ctx, all, one), d, n_head_k, T);
    }
};

// Matrices [c, c] that all chunks of a size share.
struct triangles {
    ggml_tensor * later, * before, * one; // -inf for j > i, else 0; 1 for j < i, else 0; the identity

    triangles(graph & g, int64_t c) {
        auto filled = [&](float below, float on, float above) {
            return g.input(GGML_TYPE_F32, {c, c}, [=](void * dst) {
                for (int64_t i = 0; i < c; i++) {
                    for (int64_t j = 0; j < c; j++) {
                        ((float *) dst)[i * c + j] = j < i ? below : j == i ? on : above;
                    }
                }
            });
        };
        later  = filled(0, 0, -INFINITY);
        before = filled(1, 0, 0);
        one    = filled(0, 1, 0);
    }
};

struct chunk {
    int64_t         first, n;
    ggml_tensor *   q, * k, * v, * beta; // [d, c], beta [1, c]
    ggml_tensor *   state;               // M [keys, values], null for zeros
    ggml_tensor *   decay, * growth, * to_end, * whole; // E [j, i], g [1, c], E_cj [1, c], g_c [1, 1]
    ggml_tensor *   kk, * qk, * seen, * mixed;          // [j, i]; mixed: E_ij k_i . k_j for j < i
    ggml_tensor *   triangle, * mk, * mq, * delta, * delta_turned, * rest; // I + A; [d, c]
    ggml_tensor *   before, * one;
};

struct chunk_gradients {
    ggml_tensor * q, * k, * v, * gate, * beta, * state; // state's of what came before, null where nothing did
};

struct delta_graph {
    graph &        g;
    ggml_context * ctx;
    float          scale;

    ggml_tensor * mul(ggml_tensor * a, ggml_tensor * b) const { return ggml_mul(ctx, a, b); }
    ggml_tensor * add(ggml_tensor * a, ggml_tensor * b) const { return a ? ggml_add(ctx, a, b) : b; }
    ggml_tensor * product(ggml_tensor * a, ggml_tensor * b) const {
        ggml_tensor * y = ggml_mul_mat(ctx, a, b);
        ggml_mul_mat_set_prec(y, GGML_PREC_F32);
        return y;
    }
    ggml_tensor * over(ggml_tensor * x) const { return ggml_sum_rows(ctx, x); } // [1, c, H]

    // y [d, c, H] of a chunk, and the state after it where there is a next one.
    ggml_tensor * forward(chunk & c, ggml_tensor * gate, const triangles & tri, bool has_next, ggml_tensor *& next) const {
        const int64_t n = c.n, H = c.v->ne[2];
        ggml_tensor * steps = ggml_reshape_3d(ctx, gate, n, 1, H);
        ggml_tensor * sums  = ggml_cumsum(ctx, steps); // G [c, 1, H]
        ggml_tensor * as_i  = ggml_reshape_3d(ctx, sums, 1, n, H);
        ggml_tensor * end   = ggml_sum_rows(ctx, steps); // [1, 1, H]
        c.before = tri.before;
        c.one    = tri.one;
        c.decay  = ggml_exp(ctx, ggml_add(ctx, ggml_sub(ctx, ggml_repeat_4d(ctx, as_i, n, n, H, 1), sums), tri.later));
        c.growth = ggml_exp(ctx, as_i);
        c.to_end = ggml_exp(ctx, ggml_scale(ctx, ggml_sub(ctx, as_i, end), -1.0f));
        c.whole  = ggml_exp(ctx, end);
        c.kk     = product(c.k, c.k);
        c.qk     = product(c.k, c.q);
        c.seen   = ggml_scale(ctx, mul(c.decay, c.qk), scale);
        c.mixed  = mul(mul(c.decay, c.kk), c.before);
        c.triangle = ggml_add(ctx, mul(c.mixed, c.beta), c.one);
        c.mk = c.mq = nullptr;
        ggml_tensor * open = c.v;
        if (c.state) {
            c.mk = product(c.state, c.k);
            c.mq = product(c.state, c.q);
            open = ggml_sub(ctx, open, mul(c.mk, c.growth));
        }
        c.delta        = ggml_solve_tri(ctx, c.triangle, mul(open, c.beta), true, true, false);
        c.delta_turned = turned(ctx, c.delta);
        c.rest         = ggml_sub(ctx, open, product(c.delta_turned, c.mixed));
        ggml_tensor * y = product(c.delta_turned, c.seen);
        if (c.state) {
            y = ggml_add(ctx, y, ggml_scale(ctx, mul(c.mq, c.growth), scale));
        }
        next = nullptr;
        if (has_next) {
            next = product(turned(ctx, mul(c.k, c.to_end)), c.delta_turned);
            next = c.state ? ggml_add(ctx, next, mul(c.state, c.whole)) : next;
        }
        return y;
    }

    // dy [d, c, H]; d_next: the gradient of the state after the chunk, or null.
    chunk_gradients backward(const chunk & c, ggml_tensor * dy, ggml_tensor * d_next) const {
        const int64_t n = c.n, H = c.v->ne[2];
        chunk_gradients out{};
        ggml_tensor * d_sums = nullptr, * extra = nullptr; // of G: [1, c, H]; of its last: [1, 1, H]
        ggml_tensor * k_turned = turned(ctx, c.k), * q_turned = turned(ctx, c.q);
        ggml_tensor * d_delta = product(turned(ctx, dy), turned(ctx, c.seen));
        if (d_next) {
            ggml_tensor * back  = mul(product(d_next, c.k), c.to_end);
            ggml_tensor * parts = over(mul(back, c.delta));
            d_delta = ggml_add(ctx, d_delta, back);
            d_sums  = ggml_scale(ctx, parts, -1.0f);
            extra   = ggml_sum_rows(ctx, ggml_reshape_3d(ctx, parts, n, 1, H));
            out.k   = product(turned(ctx, d_next), mul(c.delta, c.to_end));
        }
        ggml_tensor * inverse = ggml_solve_tri(ctx, c.triangle, ggml_repeat_4d(ctx, c.one, n, n, H, 1), true, true, false);
        ggml_tensor * d_open  = product(turned(ctx, d_delta), turned(ctx, inverse)); // of beta r
        out.beta = over(mul(d_open, c.rest));
        out.v    = mul(d_open, c.beta);
        ggml_tensor * by_key   = ggml_scale(ctx, mul(mul(product(c.delta, out.v), c.decay), c.before), -1.0f);
        ggml_tensor * by_query = ggml_scale(ctx, mul(product(c.delta, dy), c.decay), scale);
        ggml_tensor * pulls    = ggml_add(ctx, mul(by_key, c.kk), mul(by_query, c.qk));
        d_sums = add(d_sums, ggml_sub(ctx, over(pulls), over(turned(ctx, pulls))));
        out.q  = product(k_turned, by_query);
        out.k  = add(out.k, product(q_turned, turned(ctx, by_query)));
        out.k  = add(out.k, product(k_turned, ggml_add(ctx, by_key, turned(ctx, by_key))));
        if (c.state) {
            ggml_tensor * read = ggml_scale(ctx, mul(dy, c.growth), scale), * d_mk = ggml_scale(ctx, mul(out.v, c.growth), -1.0f);
            ggml_tensor * state_turned = turned(ctx, c.state);
            out.q  = ggml_add(ctx, out.q, product(state_turned, read));
            out.k  = ggml_add(ctx, out.k, product(state_turned, d_mk));
            d_sums = ggml_add(ctx, d_sums, ggml_add(ctx, over(mul(read, c.mq)), over(mul(d_mk, c.mk))));
            out.state = ggml_add(ctx, product(k_turned, turned(ctx, d_mk)), product(q_turned, turned(ctx, read)));
            if (d_next) {
                ggml_tensor * kept = mul(d_next, c.whole); // [d, d, H]
                ggml_tensor * all  = over(mul(kept, c.state));
                extra     = ggml_add(ctx, extra, ggml_sum_rows(ctx, ggml_reshape_3d(ctx, all, all->ne[1], 1, H)));
                out.state = ggml_add(ctx, out.state, kept);
            }
        }
        // Each step's decay is in the sums from there on: the total less what came before.
        ggml_tensor * steps = ggml_reshape_3d(ctx, d_sums, n, 1, H);
        ggml_tensor * later = ggml_sub(ctx, steps, ggml_cumsum(ctx, steps));
        ggml_tensor * total = ggml_sum_rows(ctx, steps);
        out.gate = ggml_reshape_3d(ctx, ggml_add(ctx, later, extra ? ggml_add(ctx, total, extra) : total), 1, n, H);
        return out;
    }
};

} // namespace

var device_delta_net(tape & t, batch_inputs & in, var q, var k, var v, var gate, var beta, bool is_grouped) {
    graph &             g   = t.g;
    ggml_context *      ctx = t.ctx();
    const int64_t       d = v->value->ne[0], H = v->value->ne[1];
    const head_repeat   heads{d, H, q->value->ne[1], is_grouped};
    const delta_graph   net{g, ctx, 1.0f / std::sqrt((float) d)};
    const micro_batch & mb = *in.batch;
    ggml_tensor * all_q = heads.repeated(ctx, contiguous(ctx, q->value)), * all_k = heads.repeated(ctx, contiguous(ctx, k->value));
    ggml_tensor * all_v = contiguous(ctx, v->value), * all_gate = contiguous(ctx, gate->value), * all_beta = contiguous(ctx, beta->value);

    auto chunks = std::make_shared<std::vector<chunk>>();
    std::map<int64_t, triangles> shared;
    std::vector<ggml_tensor *>   parts;
    for (int row = 0; row < mb.n_seq(); row++) {
        ggml_tensor * state = nullptr;
        for (int64_t at = mb.seq_start[row], end = mb.seq_start[row + 1]; at < end; at += cpu::DELTA_NET_CHUNK) {
            chunk c{};
            c.first = at;
            c.n     = std::min<int64_t>(cpu::DELTA_NET_CHUNK, end - at);
            c.q     = tokens_of(ctx, all_q, at, c.n);
            c.k     = tokens_of(ctx, all_k, at, c.n);
            c.v     = tokens_of(ctx, all_v, at, c.n);
            c.beta  = tokens_of(ctx, all_beta, at, c.n);
            c.state = state;
            const triangles & tri = shared.try_emplace(c.n, g, c.n).first->second;
            parts.push_back(net.forward(c, tokens_of(ctx, all_gate, at, c.n), tri, at + c.n < end, state));
            chunks->push_back(c);
        }
    }
    var y = t.make(joined(ctx, parts), q->requires_grad || k->requires_grad || v->requires_grad || gate->requires_grad || beta->requires_grad);
    t.push([=, &t, &mb] {
        if (!y->grad || !y->requires_grad) {
            return;
        }
        ggml_tensor * dy = contiguous(ctx, y->grad);
        std::vector<ggml_tensor *> dq(chunks->size()), dk(dq), dv(dq), d_gate(dq), d_beta(dq);
        ggml_tensor *              d_state = nullptr;
        for (size_t i = chunks->size(); i-- > 0;) {
            const chunk & c = (*chunks)[i];
            const bool    is_last = i + 1 == chunks->size() || !(*chunks)[i + 1].state;
            const chunk_gradients grad = net.backward(c, tokens_of(ctx, dy, c.first, c.n), is_last ? nullptr : d_state);
            d_state   = grad.state;
            dq[i]     = grad.q;
            dk[i]     = grad.k;
            dv[i]     = grad.v;
            d_gate[i] = grad.gate;
            d_beta[i] = grad.beta;
        }
        t.accumulate(q, heads.summed(ctx, joined(ctx, dq)), true);
        t.accumulate(k, heads.summed(ctx, joined(ctx, dk)), true);
        t.accumulate(v, joined(ctx, dv), true);
        t.accumulate(gate, joined(ctx, d_gate), true);
        t.accumulate(beta, joined(ctx, d_beta), true);
    });
    return y;
}

} // namespace forja
