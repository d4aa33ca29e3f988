#include "train/output-head.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/cpu-ops.hpp"
#include "ops/cpu/kernels.hpp"
#include "model/run-part.hpp"
#include "ops/device-products.hpp"
#include "ops/frozen-product.hpp"

namespace forja {

namespace {

constexpr int64_t cpu_slab_bytes = 8ll << 20; // of the transposed output matrix, dequantised at a time by the reference path

double sum(const std::vector<float> & nats) {
    double out = 0;
    for (float v : nats) {
        out += v;
    }
    return out;
}

} // namespace

// Supervised rows first .. first + n of the micro-batch.
struct output_head::chunk {
    const micro_batch & mb;
    const head_memory & memory;
    int64_t             first, n, slab_rows; // slab_rows 0: the head is whole
    float               grad_scale;
    const float *       all_weights; // of the micro-batch; null: all 1

    bool            with_grad() const { return memory.d_hidden != nullptr; }
    const int32_t * labels() const { return mb.labels.data() + first; }
    const int32_t * index() const { return mb.sup_index.data() + first; }
    const float *   weights() const { return all_weights ? all_weights + first : nullptr; }

    ggml_tensor * rows(graph & g) const { // I32 [n]
        return g.input(GGML_TYPE_I32, {n}, [this](void * dst) { std::memcpy(dst, index(), n * sizeof(int32_t)); });
    }
    // The rows' hidden states [n_embd, n] and, from them, the normed ones.
    var normed(tape & t, const model & base, var & x) const {
        x = t.input(ggml_get_rows(t.ctx(), memory.hidden(t.g), rows(t.g)), with_grad());
        return run_part(t, nullptr, base, base.program().epilogue, -1, nullptr, 0, x);
    }
    // Takes the gradient of the normed states back to where the hidden states' gradient lies.
    void scatter(tape & t, var x, var normed, ggml_tensor * d_normed) const {
        t.backward(normed, d_normed);
        ggml_tensor * rows64 = t.g.input(GGML_TYPE_I64, {n}, [this](void * dst) {
            for (int64_t i = 0; i < n; i++) {
                ((int64_t *) dst)[i] = index()[i];
            }
        });
        t.g.expand(ggml_set_rows(t.ctx(), memory.d_hidden(t.g), x->grad, rows64));
    }
};

namespace {

// Cross entropy of logits [n_vocab, n] out of ggml's operations.
struct entropy {
    ggml_tensor * p_label  = nullptr; // [1, n]: the probability of each label
    ggml_tensor * d_logits = nullptr; // p times grad_scale; the label's own share is in d_normed
    ggml_tensor * d_normed = nullptr; // that share, [n_embd, n]
};

// W^T (p - onehot) = W^T p - W[label]: no one-hot matrix is needed.
entropy cross_entropy(graph & g, const model & base, ggml_tensor * logits, const int32_t * labels, const float * weights, bool with_grad, float grad_scale) {
    ggml_context *  ctx = g.ctx();
    const hparams & hp  = base.hp();
    const int64_t   n   = logits->ne[1];
    ggml_tensor *   slope = nullptr; // derivative of the soft cap
    if (hp.final_softcap > 0.0f) {
        ggml_tensor * capped = ggml_tanh(ctx, ggml_scale(ctx, logits, 1.0f / hp.final_softcap));
        logits = ggml_scale(ctx, capped, hp.final_softcap);
        slope  = ggml_scale_bias(ctx, ggml_sqr(ctx, capped), -1.0f, 1.0f);
    }
    ggml_tensor * flat_ids = g.input(GGML_TYPE_I32, {n}, [&hp, labels, n](void * dst) {
        for (int64_t i = 0; i < n; i++) {
            ((int32_t *) dst)[i] = (int32_t) (i * hp.n_vocab + labels[i]);
        }
    });
    auto gather = [&](ggml_tensor * whole) { // whole[labels[i], i] -> [1, n]
        return ggml_get_rows(ctx, ggml_reshape_2d(ctx, whole, 1, (int64_t) hp.n_vocab * n), flat_ids);
    };
    entropy       out;
    ggml_tensor * p = ggml_soft_max(ctx, logits);
    out.p_label     = gather(p);
    ggml_set_output(out.p_label);
    g.expand(out.p_label);
    if (with_grad) {
        ggml_tensor * label_rows = g.input(GGML_TYPE_F32, {hp.n_embd, n}, [&base, labels, n](void * dst) { base.head_rows(labels, n, (float *) dst); });
        if (slope) {
            label_rows = ggml_mul(ctx, label_rows, gather(slope));
            p          = ggml_mul(ctx, p, slope);
        }
        if (weights) {
            ggml_tensor * share = g.input(GGML_TYPE_F32, {1, n}, [weights, n](void * dst) { std::memcpy(dst, weights, n * sizeof(float)); });
            p                   = ggml_mul(ctx, p, share);
            label_rows          = ggml_mul(ctx, label_rows, share);
        }
        out.d_logits = ggml_scale(ctx, p, grad_scale);
        out.d_normed = ggml_scale(ctx, label_rows, -grad_scale);
    }
    return out;
}

std::vector<float> nats_of(ggml_tensor * p_label) {
    std::vector<float> nats(ggml_nelements(p_label));
    ggml_backend_tensor_get(p_label, nats.data(), 0, nats.size() * sizeof(float));
    for (float & v : nats) {
        v = -std::log(v);
    }
    return nats;
}

} // namespace

int64_t output_head::rows_at_a_time(int64_t n_all) const {
    // Each chunk dequantises the whole matrix twice: chunks alike, none with the few rows that others left. BF16 gradients lie where
    // the logits were and need no copy for the product: half as many rows again in the same memory.
    const bool    in_place = runner_.own_forward() && cpu::fastest_product() == cpu::product_type::bf16;
    const int64_t bytes    = in_place ? logits_bytes_ * 3 / 2 : logits_bytes_;
    const int64_t most  = std::clamp<int64_t>(bytes / ((int64_t) base_.hp().n_vocab * sizeof(float)), 16, std::max<int64_t>(n_all, 16));
    const int64_t n_chunks = std::max<int64_t>(1, (n_all + most - 1) / most);
    return std::max<int64_t>(16, (n_all + n_chunks - 1) / n_chunks);
}

// Normed states, their gradient and the logits, one after the other.
size_t output_head::scratch_bytes(int64_t n_rows) const {
    return n_rows * sizeof(float) * ((size_t) base_.hp().n_vocab + 2 * base_.hp().n_embd) + 3 * 256;
}

bool output_head::allocate_scratch(int64_t n_rows) {
    scratch_.reset();
    scratch_.reset(ggml_backend_buft_alloc_buffer(runner_.dev().buffer_type(), scratch_bytes(n_rows)));
    return scratch_ != nullptr;
}

double output_head::run(const micro_batch & mb, const head_memory & memory, float grad_scale, const float * weights, std::vector<float> * token_nats) {
    const weight_store * w     = base_.weights();
    const int64_t        n_all = (int64_t) mb.labels.size(), at_a_time = rows_at_a_time(n_all);
    double               nats  = 0;
    for (int64_t first = 0; first < n_all; first += at_a_time) {
        const chunk c{mb, memory, first, std::min(at_a_time, n_all - first), w ? w->placement().head_rows : 0, grad_scale, weights};
        const std::vector<float> of_chunk = c.slab_rows > 0 ? run_in_slabs(c, false, {}) : run_whole(c, false, {});
        nats += sum(of_chunk);
        if (token_nats) {
            token_nats->insert(token_nats->end(), of_chunk.begin(), of_chunk.end());
        }
    }
    return nats;
}

void output_head::look(const micro_batch & mb, const head_memory & memory, int64_t slab_rows, const std::function<void(graph &)> & visit) {
    const int64_t n_all = (int64_t) mb.labels.size();
    const chunk   c{mb, memory, 0, std::min(rows_at_a_time(n_all), n_all), slab_rows, 1.0f, nullptr};
    if (slab_rows > 0) {
        run_in_slabs(c, true, visit);
    } else {
        run_whole(c, true, visit);
    }
}

std::vector<float> output_head::run_whole(const chunk & c, bool dry, const std::function<void(graph &)> & visit) {
    const linear_weights & out = base_.output();
    const hparams &        hp  = base_.hp();
    graph                  g(runner_, dry);
    ggml_context *         ctx = g.ctx();
    tape                   t(g, nullptr, c.with_grad());
    var                    x;
    var                    normed = c.normed(t, base_, x);
    ggml_tensor * logits; // [n_vocab, n]
    if (runner_.own_forward()) {
        logits = cpu_logits(g, out, normed->value);
    } else {
        logits = frozen_product(g, out, normed->value);
    }
    if (out.bias) {
        logits = g.on_cpu() ? cpu_add_bias(g, logits, out.bias) : ggml_add(ctx, logits, out.bias);
    }

    std::vector<float> nats(c.n); // CPU
    ggml_tensor *      p_label  = nullptr;
    ggml_tensor *      d_normed = nullptr;
    if (g.on_cpu()) {
        ggml_tensor * ids = g.input(GGML_TYPE_I32, {c.n}, [&c](void * dst) { std::memcpy(dst, c.labels(), c.n * sizeof(int32_t)); });
        ggml_tensor * d_logits = cpu_cross_entropy(g, logits, ids, nats.data(), c.weights(), c.with_grad(), c.grad_scale, hp.final_softcap, runner_.own_forward());
        g.expand(d_logits);
        if (c.with_grad() && runner_.own_forward()) {
            d_normed = cpu_logits_backward(g, out, d_logits);
        } else if (c.with_grad() && runner_.own_products()) {
            d_normed = cpu_weight_product(g, out, d_logits, true);
        } else if (c.with_grad()) {
            const int64_t slab = std::clamp<int64_t>(GGML_PAD(cpu_slab_bytes / ((int64_t) sizeof(float) * hp.n_embd), 256), 256, hp.n_vocab);
            for (int64_t row = 0; row < hp.n_vocab; row += slab) {
                const int64_t m    = std::min(slab, hp.n_vocab - row);
                ggml_tensor * part = ggml_view_2d(ctx, d_logits, m, c.n, d_logits->nb[1], row * sizeof(float));
                ggml_tensor * dx   = ggml_mul_mat(ctx, cpu_dequantised_transpose(g, out, row, m), part);
                d_normed           = d_normed ? ggml_add(ctx, d_normed, dx) : dx;
            }
        }
    } else {
        const entropy e = cross_entropy(g, base_, logits, c.labels(), c.weights(), c.with_grad(), c.grad_scale);
        p_label         = e.p_label;
        d_normed        = c.with_grad() ? device_transposed_product(g, out, 0, hp.n_vocab, e.d_logits, e.d_normed) : nullptr;
    }
    if (c.with_grad()) {
        c.scatter(t, x, normed, d_normed);
    }
    if (dry) {
        visit(g);
        return {};
    }
    g.run();
    return p_label ? nats_of(p_label) : nats;
}

// The same sums in the same order as run_whole()'s, cut into graphs between which a slab is uploaded.
std::vector<float> output_head::run_in_slabs(const chunk & c, bool dry, const std::function<void(graph &)> & visit) {
    const hparams & hp   = base_.hp();
    auto            base = scratch_ ? (uint8_t *) ggml_backend_buffer_get_base(scratch_.get()) : nullptr;
    uint8_t *       at_normed = base, *at_d_normed = base + GGML_PAD(hp.n_embd * c.n * sizeof(float), 256);
    uint8_t *       at_logits = at_d_normed + (at_d_normed - at_normed);
    auto leaf = [&](graph & g, int64_t width, uint8_t * address) { return g.leaf(GGML_TYPE_F32, {width, c.n}, scratch_.get(), address); };
    auto run  = [&](graph & g) {
        if (dry) {
            visit(g);
        } else {
            g.run();
        }
    };
    auto slabs = [&](auto && each) { // each(first row, the slab's weights)
        int i = 0;
        for (int64_t row = 0; row < hp.n_vocab; row += c.slab_rows, i++) {
            linear_weights w = base_.output();
            const int64_t  m = std::min(c.slab_rows, (int64_t) hp.n_vocab - row);
            if (dry) { // seen as rows of the whole
                each(row, m, w, row);
                break;
            }
            const stored_weight & s = base_.weights()->head_slab(i);
            w.weight = s.tensor;
            w.info   = s.info;
            each(row, m, w, 0);
        }
    };

    {
        graph g(runner_, dry);
        tape  t(g, nullptr, false);
        var   x;
        var   normed = c.normed(t, base_, x);
        g.place(normed->value, scratch_.get(), at_normed);
        g.expand(normed->value);
        run(g);
    }
    slabs([&](int64_t row, int64_t m, const linear_weights & w, int64_t first_in_w) {
        graph          g(runner_, dry);
        ggml_context * ctx    = g.ctx();
        ggml_tensor *  logits = leaf(g, hp.n_vocab, at_logits);
        ggml_tensor *  part   = frozen_product(g, w, first_in_w, m, leaf(g, hp.n_embd, at_normed));
        g.expand(ggml_cpy(ctx, part, ggml_view_2d(ctx, logits, m, c.n, logits->nb[1], row * sizeof(float))));
        run(g);
    });
    std::vector<float> nats;
    {
        graph         g(runner_, dry);
        ggml_tensor * logits = leaf(g, hp.n_vocab, at_logits);
        if (base_.output().bias) {
            logits = ggml_add(g.ctx(), logits, base_.output().bias);
        }
        const entropy e = cross_entropy(g, base_, logits, c.labels(), c.weights(), c.with_grad(), c.grad_scale);
        if (c.with_grad()) {
            g.place(e.d_normed, scratch_.get(), at_d_normed);
            g.expand(e.d_normed);
            g.place(e.d_logits, scratch_.get(), at_logits); // over the logits, value by value, when nothing reads them any more
            g.expand(e.d_logits);
        }
        run(g);
        nats = dry ? std::vector<float>() : nats_of(e.p_label);
    }
    if (!c.with_grad()) {
        return nats;
    }
    slabs([&](int64_t row, int64_t m, const linear_weights & w, int64_t first_in_w) {
        graph          g(runner_, dry);
        ggml_tensor *  d_logits = leaf(g, hp.n_vocab, at_logits);
        ggml_tensor *  part     = ggml_view_2d(g.ctx(), d_logits, m, c.n, d_logits->nb[1], row * sizeof(float));
        ggml_tensor *  total    = device_transposed_product(g, w, first_in_w, m, part, leaf(g, hp.n_embd, at_d_normed));
        g.place(total, scratch_.get(), at_d_normed); // a sum may lie over its own first term
        g.expand(total);
        run(g);
    });
    graph g(runner_, dry);
    tape  t(g, nullptr, true);
    var   x;
    var   normed = c.normed(t, base_, x);
    c.scatter(t, x, normed, leaf(g, hp.n_embd, at_d_normed));
    run(g);
    return nats;
}

} // namespace forja
