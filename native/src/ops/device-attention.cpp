// Legend: D head_dim, L tokens of a row, n queries of a tile, K keys that it sees, H n_head, G n_head_kv, group = H / G.
// Query heads that share a key head lie next to each other, so [D, n, H] is the same memory as [D, n * group, G]: one product for
// the whole group, and sums over its heads are part of the product.
#include "ops/device-attention.hpp"

#include <algorithm>

#include "ops/backend-rules.hpp"

namespace forja {

namespace {
constexpr int64_t most_tiles = 1024; // of a row: a graph has to stay of a sensible size
// A window's first key comes at a multiple of so many, the ones before it masked: rows of V^T that begin there, in F32, begin where
// every backend's products can bind them (strictest_alignment), and need no copy.
constexpr int64_t key_step = 64;
static_assert(key_step * sizeof(float) % strictest_alignment == 0);
} // namespace

std::vector<query_tile> query_tiles(int64_t length, int64_t rows, int n_swa) {
    std::vector<query_tile> out;
    for (int64_t first = 0; first < length; first += rows) {
        const int64_t key_first = n_swa > 0 ? std::max<int64_t>(0, first - n_swa + 1) / key_step * key_step : 0;
        out.push_back({first, std::min(rows, length - first), key_first});
    }
    return out;
}

int64_t query_tile_rows(int64_t n_head, int64_t longest_row, int64_t score_bytes) {
    const int64_t longest = std::max<int64_t>(1, longest_row);
    const int64_t least   = std::max<int64_t>(16, (longest + most_tiles - 1) / most_tiles);
    const int64_t most    = std::max(least, std::min<int64_t>(256, score_bytes / ((int64_t) sizeof(float) * n_head * longest)));
    const int64_t n_tiles = (longest + most - 1) / most;
    return std::min(most, GGML_PAD((longest + n_tiles - 1) / n_tiles, 16)); // of one size: no last tile of a few queries
}

namespace {

// Tokens first .. first + n of x [D, heads, T], as [D, n, heads] (a view).
ggml_tensor * tokens_of(ggml_context * ctx, ggml_tensor * x, int64_t first, int64_t n) {
    ggml_tensor * v = ggml_view_3d(ctx, x, x->ne[0], x->ne[1], n, x->nb[1], x->nb[2], first * x->nb[2]);
    return ggml_permute(ctx, v, 0, 2, 1, 3);
}

// Columns first .. first + n of x [D, L, G] (a view).
ggml_tensor * columns_of(ggml_context * ctx, ggml_tensor * x, int64_t first, int64_t n) {
    return ggml_view_3d(ctx, x, x->ne[0], n, x->ne[2], x->nb[1], x->nb[2], first * x->nb[1]);
}

// Rows first .. first + n of x [L, D, G] (a view).
ggml_tensor * rows_of(ggml_context * ctx, ggml_tensor * x, int64_t first, int64_t n) {
    return ggml_view_3d(ctx, x, n, x->ne[1], x->ne[2], x->nb[1], x->nb[2], first * x->nb[0]);
}

// Swaps the first two dimensions, contiguous.
ggml_tensor * transposed(ggml_context * ctx, ggml_tensor * x) { return ggml_cont(ctx, ggml_transpose(ctx, x)); }

// [D, n, heads] -> [D, heads, n], contiguous: as tokens lie in memory.
ggml_tensor * as_tokens(ggml_context * ctx, ggml_tensor * x) { return ggml_cont(ctx, ggml_permute(ctx, x, 0, 2, 1, 3)); }

// Joins parts [D, heads, n] along the tokens, in halves so that each value is copied log(n) times.
ggml_tensor * join(ggml_context * ctx, const std::vector<ggml_tensor *> & parts, size_t lo, size_t hi) {
    if (hi - lo == 1) {
        return parts[lo];
    }
    const size_t mid = lo + (hi - lo) / 2;
    return ggml_concat(ctx, join(ctx, parts, lo, mid), join(ctx, parts, mid, hi), 2);
}
ggml_tensor * join(ggml_context * ctx, const std::vector<ggml_tensor *> & parts) { return join(ctx, parts, 0, parts.size()); }

// The products between queries and keys; `mul` folds the heads of a group into the columns and back.
struct heads {
    ggml_context * ctx;
    int64_t        group;

    ggml_tensor * folded(ggml_tensor * x) const { return ggml_reshape_3d(ctx, x, x->ne[0], x->ne[1] * group, x->ne[2] / group); }
    ggml_tensor * unfolded(ggml_tensor * x) const { return ggml_reshape_3d(ctx, x, x->ne[0], x->ne[1] / group, x->ne[2] * group); }

    // a [m, rows, G] and b [m, n, H], contiguous -> [rows, n, H]
    ggml_tensor * mul(ggml_tensor * a, ggml_tensor * b) const { return unfolded(product(a, folded(b))); }
    // a [x, n, H] and b [y, n, H], contiguous -> [x, y, G]: summed over queries and over the heads of a group
    ggml_tensor * outer(ggml_tensor * a, ggml_tensor * b) const {
        return product(transposed(ctx, folded(a)), transposed(ctx, folded(b)));
    }

  private:
    ggml_tensor * product(ggml_tensor * a, ggml_tensor * b) const {
        ggml_tensor * y = ggml_mul_mat(ctx, a, b);
        ggml_mul_mat_set_prec(y, GGML_PREC_F32);
        return y;
    }
};

struct probabilities {
    ggml_tensor * capped = nullptr; // tanh(s / cap), only with a soft cap
    ggml_tensor * p      = nullptr; // [K, n, H]
};

// k [D, K, G]; q [D, n, H], scaled.
probabilities attend(const heads & h, ggml_tensor * k, ggml_tensor * q, ggml_tensor * mask, float softcap, ggml_tensor * sinks) {
    auto softmax = [&](ggml_tensor * logits, float factor) {
        ggml_tensor * p = ggml_soft_max_ext(h.ctx, logits, mask, factor, 0.0f);
        if (sinks) {
            ggml_soft_max_add_sinks(p, sinks);
        }
        return p;
    };
    ggml_tensor * scores = h.mul(k, q);
    if (softcap <= 0.0f) {
        return {nullptr, softmax(scores, 1.0f)};
    }
    ggml_tensor * capped = ggml_tanh(h.ctx, ggml_scale(h.ctx, scores, 1.0f / softcap));
    return {capped, softmax(capped, softcap)};
}

// A sum over the tiles of a row, last tile first: tile i adds to the keys that it sees, and what lies behind them is complete then.
// Nothing is written in place, so no backend's order of execution matters.
class sum_over_keys {
  public:
    explicit sum_over_keys(ggml_context * ctx) : ctx_(ctx) {}

    // part [D, K, G]. Returns the tensors to compute now.
    std::vector<ggml_tensor *> add(ggml_tensor * part, const query_tile & tile) {
        std::vector<ggml_tensor *> now;
        if (sum_) {
            now.push_back(complete(tile.end()));
            const int64_t both = tile.end() - first_, fresh = first_ - tile.key_first;
            if (both > 0) {
                ggml_tensor * shared = ggml_add(ctx_, columns_of(ctx_, sum_, 0, both), columns_of(ctx_, part, fresh, both));
                part = fresh > 0 ? ggml_concat(ctx_, columns_of(ctx_, part, 0, fresh), shared, 1) : shared;
            }
        }
        sum_   = part;
        first_ = tile.key_first;
        now.push_back(sum_);
        return now;
    }

    // The row's parts [D, G, …], which join to [D, G, L].
    std::vector<ggml_tensor *> finish() {
        complete(0);
        return {complete_.rbegin(), complete_.rend()};
    }

  private:
    ggml_tensor * complete(int64_t from) {
        const int64_t skip = std::max<int64_t>(0, from - first_);
        complete_.push_back(as_tokens(ctx_, columns_of(ctx_, sum_, skip, sum_->ne[1] - skip)));
        return complete_.back();
    }

    ggml_context *             ctx_;
    ggml_tensor *              sum_   = nullptr; // [D, …, G] of keys first_ and on
    int64_t                    first_ = 0;
    std::vector<ggml_tensor *> complete_; // from the row's end
};

} // namespace

var device_attention(tape & t, batch_inputs & in, var q, var k, var v, const attention_settings & s, ggml_tensor * sinks) {
    ggml_context *             ctx  = t.ctx();
    const micro_batch &        mb   = *in.batch;
    const int64_t              rows = t.g.runner().attention_rows, T = mb.n_tokens(), D = q->value->ne[0], H = q->value->ne[1];
    const heads                h{ctx, H / k->value->ne[1]};
    ggml_tensor *              scaled = ggml_scale(ctx, q->value, s.scale);
    std::vector<ggml_tensor *> parts;
    for (int i = 0; i < mb.n_seq(); i++) {
        const int64_t start = mb.seq_start[i], length = mb.seq_start[i + 1] - start;
        ggml_tensor * vt = transposed(ctx, tokens_of(ctx, v->value, start, length)); // [L, D, G]
        for (const query_tile & tile : query_tiles(length, rows, s.n_swa)) {
            ggml_tensor * qs = ggml_cont(ctx, tokens_of(ctx, scaled, start + tile.first, tile.n));
            ggml_tensor * ks = t.g.aligned(tokens_of(ctx, k->value, start + tile.key_first, tile.n_keys()));
            probabilities pr = attend(h, ks, qs, in.mask(t.g, tile.n, tile.n_before(), s.n_swa), s.softcap, sinks);
            parts.push_back(as_tokens(ctx, h.mul(rows_of(ctx, vt, tile.key_first, tile.n_keys()), pr.p))); // [D, H, n]
        }
    }
    var y = t.make(ggml_reshape_2d(ctx, t.keep(join(ctx, parts)), D * H, T), q->requires_grad || k->requires_grad || v->requires_grad);
    t.push([&t, &in, q, k, v, y, s, sinks, ctx, h, scaled, rows, D, H] {
        if (!y->grad || !y->requires_grad) {
            return;
        }
        const micro_batch & mb = *in.batch;
        ggml_tensor *       dy = ggml_reshape_3d(ctx, y->grad, D, H, mb.n_tokens());
        // Sum over keys of p dp, which is y dy summed over a head: no product as large as the scores. [1, H, T]
        ggml_tensor *              sums = ggml_sum_rows(ctx, ggml_mul(ctx, ggml_reshape_3d(ctx, y->value, D, H, mb.n_tokens()), dy));
        std::vector<ggml_tensor *> dqs, dks, dvs;
        for (int i = 0; i < mb.n_seq(); i++) {
            const int64_t              start = mb.seq_start[i], length = mb.seq_start[i + 1] - start;
            ggml_tensor *              kt    = transposed(ctx, tokens_of(ctx, k->value, start, length)); // [L, D, G]
            std::vector<query_tile>    tiles = query_tiles(length, rows, s.n_swa);
            std::vector<ggml_tensor *> dqs_of_row;
            sum_over_keys              dk(ctx), dv(ctx);
            for (auto tile = tiles.rbegin(); tile != tiles.rend(); ++tile) {
                ggml_tensor * qs  = ggml_cont(ctx, tokens_of(ctx, scaled, start + tile->first, tile->n));
                ggml_tensor * dys = ggml_cont(ctx, tokens_of(ctx, dy, start + tile->first, tile->n));
                ggml_tensor * ks  = t.g.aligned(tokens_of(ctx, k->value, start + tile->key_first, tile->n_keys()));
                ggml_tensor * vs  = t.g.aligned(tokens_of(ctx, v->value, start + tile->key_first, tile->n_keys()));
                probabilities pr  = attend(h, ks, qs, in.mask(t.g, tile->n, tile->n_before(), s.n_swa), s.softcap, sinks);
                // ds = p * (dp - sum over keys of p dp)
                ggml_tensor * sum = ggml_cont(ctx, tokens_of(ctx, sums, start + tile->first, tile->n)); // [1, n, H]
                ggml_tensor * ds  = ggml_mul(ctx, pr.p, ggml_sub(ctx, h.mul(vs, dys), sum));
                if (pr.capped) { // d cap tanh(s / cap) / ds = 1 - tanh^2(s / cap)
                    ds = ggml_mul(ctx, ds, ggml_scale_bias(ctx, ggml_sqr(ctx, pr.capped), -1.0f, 1.0f));
                }
                // Each tile is computed to its end before the next one begins: else the scores of all would be alive at once.
                auto now = [&](const std::vector<ggml_tensor *> & list) {
                    for (ggml_tensor * x : list) {
                        t.g.expand(x);
                    }
                };
                if (v->requires_grad) {
                    now(dv.add(h.outer(dys, pr.p), *tile));
                }
                if (k->requires_grad) {
                    now(dk.add(h.outer(qs, ds), *tile));
                }
                if (q->requires_grad) {
                    dqs_of_row.push_back(as_tokens(ctx, h.mul(rows_of(ctx, kt, tile->key_first, tile->n_keys()), ds)));
                    now({dqs_of_row.back()});
                }
            }
            auto append = [](std::vector<ggml_tensor *> & to, const std::vector<ggml_tensor *> & more) { to.insert(to.end(), more.begin(), more.end()); };
            append(dqs, {dqs_of_row.rbegin(), dqs_of_row.rend()});
            if (k->requires_grad) {
                append(dks, dk.finish());
            }
            if (v->requires_grad) {
                append(dvs, dv.finish());
            }
        }
        if (q->requires_grad) {
            t.accumulate(q, ggml_scale(ctx, join(ctx, dqs), s.scale));
        }
        if (k->requires_grad) {
            t.accumulate(k, join(ctx, dks));
        }
        if (v->requires_grad) {
            t.accumulate(v, join(ctx, dvs));
        }
    });
    return y;
}

} // namespace forja
