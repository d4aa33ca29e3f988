#include "train/engine.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.hpp"
#include "model/block.hpp"
#include "ops/cpu-ops.hpp"

namespace forja {

namespace {

constexpr int64_t default_activation_budget = 80ll << 20; // with it a 135M model at 512 tokens needs its file and 300 MB
constexpr int64_t head_logits_bytes         = 32ll << 20; // logits alive at a time
constexpr int64_t head_slab_bytes           = 8ll << 20;  // of the transposed output matrix, dequantised at a time

ggml_backend_buffer_ptr allocate(device & dev, size_t bytes, const char * what) {
    ggml_backend_buffer_ptr b(ggml_backend_buft_alloc_buffer(dev.buffer_type(), std::max<size_t>(bytes, 256)));
    if (!b) {
        throw failure("device_out_of_memory", std::string("There is not enough memory on ") + dev.name() + " for " + what,
                      "Lower max_seq_len or micro_batch_size, or choose a smaller model.", {{"device", dev.name()}});
    }
    return b;
}

uint8_t * base_of(const ggml_backend_buffer_ptr & b) { return (uint8_t *) ggml_backend_buffer_get_base(b.get()); }

} // namespace

engine::engine(std::shared_ptr<model> base, method * tuning, const options & o)
    : base_(std::move(base)), tuning_(tuning), o_(o), runner_(base_->device_ptr(), o.prec),
      lowest_(tuning && o.training ? tuning->lowest_block() : base_->hp().n_layer) {
    const hparams & hp = base_->hp();
    device &        dev = base_->device();
    slot_bytes_   = GGML_PAD((size_t) hp.n_embd * o.max_tokens * sizeof(float), 256);
    // Two slots in turn below the lowest adapted block, then one for each block's input and the last one's output.
    hidden_buffer_ = allocate(dev, slot_bytes_ * (2 + hp.n_layer - lowest_ + 1), "the blocks' inputs");
    if (o.training) {
        grad_buffer_ = allocate(dev, slot_bytes_ * 2, "the gradients between blocks");
        keep_bf16_   = runner_.own_products(); // their products round activations to BF16 as well
        kept_budget_ = (size_t) (o.activation_budget_bytes < 0 ? default_activation_budget : o.activation_budget_bytes);
    }
}

size_t engine::activation_bytes() const {
    auto size = [](const ggml_backend_buffer_ptr & b) { return b ? ggml_backend_buffer_get_size(b.get()) : 0; };
    return size(hidden_buffer_) + size(grad_buffer_) + size(kept_buffer_) + runner_.compute_buffer_bytes();
}

int engine::slot_of(int il) const { return il < lowest_ ? il % 2 : 2 + il - lowest_; }

ggml_tensor * engine::hidden(graph & g, int slot, int64_t T) const {
    return g.leaf(GGML_TYPE_F32, {base_->hp().n_embd, T}, hidden_buffer_.get(), base_of(hidden_buffer_) + slot * slot_bytes_);
}

ggml_tensor * engine::hidden_grad(graph & g, int slot, int64_t T) const {
    return g.leaf(GGML_TYPE_F32, {base_->hp().n_embd, T}, grad_buffer_.get(), base_of(grad_buffer_) + slot * slot_bytes_);
}

// The embeddings are dequantised on the host, row by row: no device needs the table, nor the operation.
void engine::embed(const micro_batch & mb) {
    const int64_t      T = mb.n_tokens();
    std::vector<float> rows((size_t) base_->hp().n_embd * T);
    base_->embed(mb.tokens.data(), T, rows.data());
    graph         g(runner_);
    ggml_tensor * x = hidden(g, slot_of(0), T);
    ggml_backend_tensor_set(x, rows.data(), 0, rows.size() * sizeof(float));
}

void engine::run_block_forward(const micro_batch & mb, int il, bool training, uint64_t key, kept_values * kept) {
    const int64_t T = mb.n_tokens();
    graph         g(runner_);
    batch_inputs  in(g, mb);
    tape          t(g, kept, training);
    var           x = t.input(hidden(g, slot_of(il), T), false);
    var           y = block_forward(t, in, *base_, il, tuning_, key, x);
    const int     next = slot_of(il + 1);
    g.place(y->value, hidden_buffer_.get(), base_of(hidden_buffer_) + next * slot_bytes_);
    g.expand(y->value);
    g.run();
}

void engine::forward(const micro_batch & mb, bool training, uint64_t key, int first_kept, size_t bytes_per_block) {
    if (mb.n_tokens() > o_.max_tokens) {
        throw failure("internal", "A micro-batch of " + std::to_string(mb.n_tokens()) + " tokens exceeds the engine's " + std::to_string(o_.max_tokens));
    }
    embed(mb);
    for (int il = 0; il < base_->hp().n_layer; il++) {
        kept_values kept;
        kept.bf16 = keep_bf16_;
        if (il >= first_kept) {
            kept.what    = kept_values::mode::store;
            kept.buffer  = kept_buffer_.get();
            kept.address = base_of(kept_buffer_) + (il - first_kept) * bytes_per_block;
        }
        run_block_forward(mb, il, training, key, &kept);
    }
}

size_t engine::measure_kept(const micro_batch & mb) {
    graph        g(runner_);
    batch_inputs in(g, mb);
    kept_values  kept;
    kept.what = kept_values::mode::measure;
    kept.bf16 = keep_bf16_;
    tape t(g, &kept, true);
    // Blocks are alike but for local attention, which keeps the same values.
    block_forward(t, in, *base_, base_->hp().n_layer - 1, tuning_, 0, t.input(hidden(g, 0, mb.n_tokens()), true));
    return kept.bytes;
}

batch_loss engine::evaluate(const micro_batch & mb) {
    forward(mb, false, 0, base_->hp().n_layer, 0);
    return head(mb, false, 0.0f, 0);
}

batch_loss engine::accumulate_gradients(const micro_batch & mb, float grad_scale, uint64_t dropout_key) {
    const hparams & hp = base_->hp();
    const int64_t   T  = mb.n_tokens();

    const size_t bytes_per_block = measure_kept(mb);
    const int    n_kept = (int) std::min<size_t>(hp.n_layer - lowest_, bytes_per_block ? kept_budget_ / bytes_per_block : 0);
    const int    first_kept = hp.n_layer - n_kept;
    if (n_kept > 0 && !kept_buffer_) {
        kept_buffer_ = allocate(base_->device(), 0, "kept activations");
    }
    if (n_kept > 0 && ggml_backend_buffer_get_size(kept_buffer_.get()) < n_kept * bytes_per_block) {
        kept_buffer_.reset();
        kept_buffer_ = allocate(base_->device(), n_kept * bytes_per_block, "kept activations");
    }

    forward(mb, true, dropout_key, first_kept, bytes_per_block);

    int grad_slot = 0;
    {
        graph g(runner_);
        ggml_backend_tensor_memset(hidden_grad(g, grad_slot, T), 0, 0, slot_bytes_ > 0 ? (size_t) hp.n_embd * T * sizeof(float) : 0);
    }
    const batch_loss loss = head(mb, true, grad_scale, grad_slot);

    for (int il = hp.n_layer - 1; il >= lowest_; il--) {
        graph        g(runner_);
        batch_inputs in(g, mb);
        kept_values  kept;
        kept.bf16 = keep_bf16_;
        if (il >= first_kept) {
            kept.what    = kept_values::mode::load;
            kept.buffer  = kept_buffer_.get();
            kept.address = base_of(kept_buffer_) + (il - first_kept) * bytes_per_block;
        }
        tape t(g, &kept, true);
        var  x = t.input(hidden(g, slot_of(il), T), il > lowest_);
        var  y = block_forward(t, in, *base_, il, tuning_, dropout_key, x);
        t.backward(y, hidden_grad(g, grad_slot, T));
        if (x->grad) {
            // Written beside dY, which the graph still reads.
            ggml_tensor * dx = x->grad;
            while (dx->view_src) {
                dx = dx->view_src;
            }
            g.place(dx, grad_buffer_.get(), base_of(grad_buffer_) + (1 - grad_slot) * slot_bytes_);
            g.expand(x->grad);
        }
        g.run();
        grad_slot = 1 - grad_slot;
    }
    return loss;
}

batch_loss engine::head(const micro_batch & mb, bool with_grad, float grad_scale, int grad_slot) {
    batch_loss    out;
    const int64_t n_all = (int64_t) mb.labels.size();
    const int64_t chunk = std::clamp<int64_t>(head_logits_bytes / ((int64_t) base_->hp().n_vocab * sizeof(float)), 16, std::max<int64_t>(n_all, 16));
    for (int64_t first = 0; first < n_all; first += chunk) {
        out.nats += head_rows(mb, first, std::min(chunk, n_all - first), with_grad, grad_scale, grad_slot);
    }
    out.n_tokens = n_all;
    return out;
}

// Loss of supervised rows first .. first + n, and, with_grad, its gradient scattered into dX of the last block's output.
double engine::head_rows(const micro_batch & mb, int64_t first, int64_t n, bool with_grad, float grad_scale, int grad_slot) {
    const hparams &        hp  = base_->hp();
    const linear_weights & out = base_->output();
    const int32_t *        labels = mb.labels.data() + first;
    graph                  g(runner_);
    ggml_context *         ctx = g.ctx();
    tape                   t(g, nullptr, with_grad);

    ggml_tensor * rows = g.input(GGML_TYPE_I32, {n}, [&](void * dst) { std::memcpy(dst, mb.sup_index.data() + first, n * sizeof(int32_t)); });
    ggml_tensor * ids  = g.input(GGML_TYPE_I32, {n}, [&](void * dst) { std::memcpy(dst, labels, n * sizeof(int32_t)); });
    var x      = t.input(ggml_get_rows(ctx, hidden(g, slot_of(hp.n_layer), mb.n_tokens()), rows), with_grad); // [n_embd, n]
    var normed = rms_norm(t, x, base_->output_norm(), hp.rms_eps);
    const bool    own    = runner_.own_products();
    ggml_tensor * logits = cpu_own_forward(g) ? cpu_weight_product(g, out, normed->value, false)
                                              : ggml_mul_mat(ctx, out.weight, normed->value); // [n_vocab, n]
    if (out.bias) {
        logits = ggml_add(ctx, logits, out.bias);
    }

    std::vector<float> nats(n);
    ggml_tensor *      p        = nullptr; // device path: probabilities
    ggml_tensor *      p_label  = nullptr; // [1, n]
    ggml_tensor *      d_logits = nullptr;
    ggml_tensor *      d_normed = nullptr;
    if (g.on_cpu()) {
        d_logits = cpu_cross_entropy(g, logits, ids, nats.data(), with_grad, grad_scale, hp.final_softcap);
        g.expand(d_logits);
    } else {
        ggml_tensor * slope = nullptr; // derivative of the soft cap
        if (hp.final_softcap > 0.0f) {
            ggml_tensor * capped = ggml_tanh(ctx, ggml_scale(ctx, logits, 1.0f / hp.final_softcap));
            logits = ggml_scale(ctx, capped, hp.final_softcap);
            slope  = ggml_scale_bias(ctx, ggml_sqr(ctx, capped), -1.0f, 1.0f);
        }
        ggml_tensor * flat_ids = g.input(GGML_TYPE_I32, {n}, [&](void * dst) {
            for (int64_t i = 0; i < n; i++) {
                ((int32_t *) dst)[i] = (int32_t) (i * hp.n_vocab + labels[i]);
            }
        });
        auto gather = [&](ggml_tensor * whole) { // whole[labels[i], i] -> [1, n]
            return ggml_get_rows(ctx, ggml_reshape_2d(ctx, whole, 1, (int64_t) hp.n_vocab * n), flat_ids);
        };
        p       = ggml_soft_max(ctx, logits);
        p_label = gather(p);
        ggml_set_output(p_label);
        g.expand(p_label);
        if (with_grad) {
            // W^T (p - onehot) = W^T p - W[label]: no one-hot matrix is needed.
            ggml_tensor * label_rows = g.input(GGML_TYPE_F32, {hp.n_embd, n}, [&](void * dst) { base_->head_rows(labels, n, (float *) dst); });
            if (slope) {
                label_rows = ggml_mul(ctx, label_rows, gather(slope));
                p          = ggml_mul(ctx, p, slope);
            }
            d_logits = ggml_scale(ctx, p, grad_scale);
            d_normed = ggml_scale(ctx, label_rows, -grad_scale);
        }
    }
    if (with_grad && own) {
        d_normed = cpu_weight_product(g, out, d_logits, true);
    } else if (with_grad) {
        const int64_t slab = std::clamp<int64_t>(GGML_PAD(head_slab_bytes / ((int64_t) sizeof(float) * hp.n_embd), 256), 256, hp.n_vocab);
        for (int64_t row = 0; row < hp.n_vocab; row += slab) {
            const int64_t m    = std::min(slab, hp.n_vocab - row);
            ggml_tensor * part = ggml_view_2d(ctx, d_logits, m, n, d_logits->nb[1], row * sizeof(float));
            ggml_tensor * dx   = ggml_mul_mat(ctx, dequantised_transpose(g, out, row, m), part);
            d_normed           = d_normed ? ggml_add(ctx, d_normed, dx) : dx;
        }
    }
    if (with_grad) {
        t.backward(normed, d_normed);
        ggml_tensor * rows64 = g.input(GGML_TYPE_I64, {n}, [&](void * dst) {
            for (int64_t i = 0; i < n; i++) {
                ((int64_t *) dst)[i] = mb.sup_index[first + i];
            }
        });
        g.expand(ggml_set_rows(ctx, hidden_grad(g, grad_slot, mb.n_tokens()), x->grad, rows64));
    }
    g.run();

    if (p_label) {
        ggml_backend_tensor_get(p_label, nats.data(), 0, n * sizeof(float));
        for (float & v : nats) {
            v = -std::log(v);
        }
    }
    double sum = 0;
    for (float v : nats) {
        sum += v;
    }
    return sum;
}

std::vector<float> engine::logits(const micro_batch & mb) {
    const hparams & hp = base_->hp();
    forward(mb, false, 0, hp.n_layer, 0);
    const int64_t T = mb.n_tokens();
    graph         g(runner_);
    tape          t(g, nullptr, false);
    var           x = rms_norm(t, t.input(hidden(g, slot_of(hp.n_layer), T), false), base_->output_norm(), hp.rms_eps);
    ggml_tensor * y = ggml_mul_mat(g.ctx(), base_->output().weight, x->value);
    if (base_->output().bias) {
        y = ggml_add(g.ctx(), y, base_->output().bias);
    }
    if (hp.final_softcap > 0.0f) {
        y = ggml_scale(g.ctx(), ggml_tanh(g.ctx(), ggml_scale(g.ctx(), y, 1.0f / hp.final_softcap)), hp.final_softcap);
    }
    ggml_set_output(y);
    g.expand(y);
    g.run();
    std::vector<float> out((size_t) hp.n_vocab * T);
    ggml_backend_tensor_get(y, out.data(), 0, out.size() * sizeof(float));
    return out;
}

bool append_row(micro_batch & mb, const uint32_t * tokens, size_t n_tokens, int max_seq_len) {
    const size_t n = std::min(n_tokens, (size_t) max_seq_len);
    bool         any = false;
    for (size_t i = 1; i < n && !any; i++) {
        any = (tokens[i] & 0x80000000u) != 0;
    }
    if (!any) {
        return false;
    }
    if (mb.seq_start.empty()) {
        mb.seq_start.push_back(0);
    }
    const int32_t start = (int32_t) mb.tokens.size();
    for (size_t i = 0; i < n; i++) {
        mb.tokens.push_back((int32_t) (tokens[i] & 0x7fffffffu));
        mb.positions.push_back((int32_t) i);
        if (i > 0 && (tokens[i] & 0x80000000u)) {
            mb.sup_index.push_back(start + (int32_t) i - 1);
            mb.labels.push_back((int32_t) (tokens[i] & 0x7fffffffu));
        }
    }
    mb.seq_start.push_back((int32_t) mb.tokens.size());
    return true;
}

micro_batch single_sequence(const std::vector<int32_t> & tokens) {
    micro_batch           mb;
    std::vector<uint32_t> row(tokens.begin(), tokens.end());
    for (uint32_t & t : row) {
        t |= 0x80000000u;
    }
    append_row(mb, row.data(), row.size(), (int) row.size());
    return mb;
}

} // namespace forja
