// Causal self-attention inside each sequence of the micro-batch, with grouped heads, windows and soft caps.
#include <algorithm>

#include "ops/cpu-ops.hpp"
#include "ops/ops.hpp"

namespace forja {

namespace {

// One sequence's slice of x [head_dim, heads, T], as [head_dim, L, heads] (a view).
ggml_tensor * sequence_view(ggml_context * ctx, ggml_tensor * x, int64_t start, int64_t length) {
    ggml_tensor * v = ggml_view_3d(ctx, x, x->ne[0], x->ne[1], length, x->nb[1], x->nb[2], start * x->nb[2]);
    return ggml_permute(ctx, v, 0, 2, 1, 3);
}

// Swaps the first two dimensions, contiguous.
ggml_tensor * transposed(ggml_context * ctx, ggml_tensor * x) { return ggml_cont(ctx, ggml_transpose(ctx, x)); }

// Joins the sequences' parts [head_dim, heads, L_s] along the tokens, in halves so that each value is copied log(n) times.
ggml_tensor * join(ggml_context * ctx, const std::vector<ggml_tensor *> & parts, size_t lo, size_t hi) {
    if (hi - lo == 1) {
        return parts[lo];
    }
    const size_t mid = lo + (hi - lo) / 2;
    return ggml_concat(ctx, join(ctx, parts, lo, mid), join(ctx, parts, mid, hi), 2);
}

// Sums groups of n_head / n_head_kv heads: [head_dim, L, n_head] -> [head_dim, L, n_head_kv].
ggml_tensor * sum_groups(ggml_context * ctx, ggml_tensor * x, int64_t n_head_kv) {
    const int64_t group = x->ne[2] / n_head_kv;
    if (group == 1) {
        return x;
    }
    ggml_tensor * sum = nullptr;
    for (int64_t j = 0; j < group; j++) {
        ggml_tensor * head = ggml_view_3d(ctx, x, x->ne[0], x->ne[1], n_head_kv, x->nb[1], x->nb[2] * group, j * x->nb[2]);
        sum = sum ? ggml_add(ctx, sum, head) : ggml_cont(ctx, head);
    }
    return sum;
}

struct probabilities {
    ggml_tensor * capped = nullptr; // tanh(scale s / cap), only with a soft cap
    ggml_tensor * p      = nullptr; // [L keys, L queries, n_head]
};

probabilities attend(tape & t, batch_inputs & in, ggml_tensor * q, ggml_tensor * k, const attention_settings & s) {
    ggml_context * ctx    = t.ctx();
    ggml_tensor *  mask   = in.mask(t.g, q->ne[1], s.n_swa);
    ggml_tensor *  scores = ggml_mul_mat(ctx, k, q);
    ggml_mul_mat_set_prec(scores, GGML_PREC_F32);
    probabilities out;
    float         scale = s.scale;
    if (s.softcap > 0.0f) {
        out.capped = ggml_tanh(ctx, ggml_scale(ctx, scores, s.scale / s.softcap));
        scores     = out.capped;
        scale      = s.softcap;
    }
    out.p = ggml_soft_max_ext(ctx, scores, mask, scale, 0.0f);
    return out;
}

} // namespace

static var attention_generic(tape & t, batch_inputs & in, var q, var k, var v, const attention_settings & s) {
    ggml_context *             ctx = t.ctx();
    const micro_batch &        mb  = *in.batch;
    const int64_t              T = mb.n_tokens(), width = q->value->ne[0] * q->value->ne[1];
    std::vector<ggml_tensor *> parts;
    for (int i = 0; i < mb.n_seq(); i++) {
        const int64_t start = mb.seq_start[i], length = mb.seq_start[i + 1] - start;
        ggml_tensor * qs = sequence_view(ctx, q->value, start, length);
        ggml_tensor * ks = sequence_view(ctx, k->value, start, length);
        ggml_tensor * vs = sequence_view(ctx, v->value, start, length);
        probabilities pr = attend(t, in, qs, ks, s);
        ggml_tensor * o  = ggml_mul_mat(ctx, transposed(ctx, vs), pr.p);       // [head_dim, L, n_head]
        parts.push_back(ggml_cont(ctx, ggml_permute(ctx, o, 0, 2, 1, 3)));     // [head_dim, n_head, L]
    }
    ggml_tensor * joined = t.keep(parts.size() == 1 ? parts[0] : join(ctx, parts, 0, parts.size()));
    var           y      = t.make(ggml_reshape_2d(ctx, joined, width, T),
                           q->requires_grad || k->requires_grad || v->requires_grad);
    t.push([&t, &in, q, k, v, y, s, ctx] {
        if (!y->grad || !y->requires_grad) {
            return;
        }
        const micro_batch &        mb = *in.batch;
        const int64_t              n_head = q->value->ne[1], n_head_kv = k->value->ne[1], head_dim = q->value->ne[0];
        ggml_tensor *              dy = ggml_reshape_3d(ctx, y->grad, head_dim, n_head, mb.n_tokens());
        std::vector<ggml_tensor *> dqs, dks, dvs;
        auto                       back = [&](ggml_tensor * x) { return ggml_cont(ctx, ggml_permute(ctx, x, 0, 2, 1, 3)); };
        for (int i = 0; i < mb.n_seq(); i++) {
            const int64_t start = mb.seq_start[i], length = mb.seq_start[i + 1] - start;
            ggml_tensor * qs  = sequence_view(ctx, q->value, start, length);
            ggml_tensor * ks  = sequence_view(ctx, k->value, start, length);
            ggml_tensor * vs  = sequence_view(ctx, v->value, start, length);
            ggml_tensor * dos = sequence_view(ctx, dy, start, length);
            probabilities pr  = attend(t, in, qs, ks, s);
            ggml_tensor * dp  = ggml_mul_mat(ctx, vs, dos); // [L keys, L queries, n_head]
            // ds = p * (dp - sum over keys of p dp)
            ggml_tensor * sum = ggml_sum_rows(ctx, ggml_mul(ctx, pr.p, dp));
            ggml_tensor * ds  = ggml_mul(ctx, pr.p, ggml_sub(ctx, dp, sum));
            if (s.softcap > 0.0f) { // d cap tanh(u) / du = cap (1 - tanh^2 u), u = scale s / cap
                ds = ggml_mul(ctx, ds, ggml_scale_bias(ctx, ggml_sqr(ctx, pr.capped), -1.0f, 1.0f));
            }
            ds = ggml_scale(ctx, ds, s.scale);
            dqs.push_back(back(ggml_mul_mat(ctx, transposed(ctx, ks), ds)));
            ggml_tensor * dk = ggml_mul_mat(ctx, transposed(ctx, qs), transposed(ctx, ds));
            ggml_tensor * dv = ggml_mul_mat(ctx, transposed(ctx, dos), transposed(ctx, pr.p));
            dks.push_back(back(sum_groups(ctx, dk, n_head_kv)));
            dvs.push_back(back(sum_groups(ctx, dv, n_head_kv)));
        }
        t.accumulate(q, join(ctx, dqs, 0, dqs.size()));
        t.accumulate(k, join(ctx, dks, 0, dks.size()));
        t.accumulate(v, join(ctx, dvs, 0, dvs.size()));
    });
    return y;
}

var attention(tape & t, batch_inputs & in, var q, var k, var v, const attention_settings & s) {
    return t.g.on_cpu() ? cpu_attention(t, in, q, k, v, s) : attention_generic(t, in, q, k, v, s);
}

} // namespace forja
