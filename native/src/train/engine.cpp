#include "train/engine.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/error.hpp"
#include "base/random.hpp"
#include "model/run-part.hpp"
#include "ops/frozen-product.hpp"
#include "train/block-pass.hpp"
#include "train/input-noise.hpp"

namespace forja {

namespace {

// Of the CPU: with it a 135M model at 512 tokens needs its file and 300 MB. For a device of known size see plan_memory_use().
constexpr int64_t default_activation_budget = 80ll << 20;

// Blocks' inputs may take an eighth of what the model's file takes, or this much: beyond it a deeper model, or a longer row, costs
// time and not memory.
constexpr uint64_t least_input_budget = 160ull << 20;

ggml_backend_buffer_ptr try_allocate(device & dev, size_t bytes) {
    return ggml_backend_buffer_ptr(ggml_backend_buft_alloc_buffer(dev.buffer_type(), std::max<size_t>(bytes, 256)));
}

[[noreturn]] void throw_out_of_memory(device & dev, const char * what) {
    throw failure("device_out_of_memory", std::string("There is not enough memory on ") + dev.name() + " for " + what,
                  "Lower max_seq_len or micro_batch_size, or choose a smaller model.", {{"device", dev.name()}});
}

ggml_backend_buffer_ptr allocate_or_throw(device & dev, size_t bytes, const char * what) {
    ggml_backend_buffer_ptr b = try_allocate(dev, bytes);
    if (!b) {
        throw_out_of_memory(dev, what);
    }
    return b;
}

// Whether values can be kept in BF16 there: rounded to it and read back.
bool device_has_bf16_copies(graph_runner & runner) {
    graph         g(runner, true);
    ggml_tensor * rounded = ggml_cast(g.ctx(), ggml_new_tensor_1d(g.ctx(), GGML_TYPE_F32, 256), GGML_TYPE_BF16);
    return runner.dev().supports(rounded) && runner.dev().supports(ggml_cast(g.ctx(), rounded, GGML_TYPE_F32));
}

// On a device each piece of the head dequantises the output matrix anew: an 8B's is 8 GB of traffic, so 512 rows at a time where the
// device has the memory for it (logits, probabilities and their gradient). On the CPU small pieces stay in its caches.
int64_t logits_bytes_of(const engine::options & o, const device & dev) {
    if (o.logits_bytes >= 0) {
        return o.logits_bytes;
    }
    constexpr int64_t least = 32ll << 20, most = 256ll << 20;
    const auto        free_bytes = (int64_t) dev.free_bytes();
    const int64_t     memory     = o.device_memory_limit_bytes > 0 ? o.device_memory_limit_bytes : free_bytes > 0 ? free_bytes : most * 32;
    return dev.is_cpu() ? least : std::clamp(memory / 32, least, most);
}

uint8_t * base_of(const ggml_backend_buffer_ptr & b) { return b ? (uint8_t *) ggml_backend_buffer_get_base(b.get()) : nullptr; }

} // namespace

engine::engine(std::shared_ptr<model> base, method * tuning, const options & o)
    : base_(std::move(base)), tuning_(tuning), o_(o), runner_(base_->device_ptr(), o.prec, base_->base_type()), head_(runner_, *base_, logits_bytes_of(o, base_->device())),
      lowest_(tuning && o.training ? tuning->lowest_block() : base_->hp().n_layer) {
    device & dev = base_->device();
    runner_.slab_bytes = o.slab_bytes;
    // The CPU's own products round activations to BF16 as well; a device's round at least as much.
    keep_bf16_   = runner_.own_products() || (o.prec == precision::fast && !dev.is_cpu() && device_has_bf16_copies(runner_));
    kept_budget_ = !o.training ? 0 : (size_t) (o.activation_budget_bytes < 0 ? default_activation_budget : o.activation_budget_bytes);
    if (!dev.is_cpu() || o.device_memory_limit_bytes > 0) {
        plan_memory_use();
        return;
    }
    slot_bytes_      = GGML_PAD((size_t) base_->hp().n_embd * o.max_tokens * sizeof(float), 256);
    const auto slots = (int64_t) (std::max(least_input_budget, base_->file().file_size_bytes() / 8) / slot_bytes_);
    slots_           = input_slots(base_->hp().n_layer, lowest_, o.input_stride > 0 ? o.input_stride : input_slots::stride_within(base_->hp().n_layer, lowest_, slots));
    hidden_buffer_   = allocate_or_throw(dev, hidden_bytes(o.max_tokens, slots_.stride()), "the blocks' inputs");
    if (o.training) {
        grad_buffer_ = allocate_or_throw(dev, slot_bytes_ * 2, "the gradients between blocks");
    }
}

size_t engine::hidden_bytes(int64_t tokens, int input_stride) const {
    return GGML_PAD((size_t) base_->hp().n_embd * tokens * sizeof(float), 256) * input_slots(base_->hp().n_layer, lowest_, input_stride).count();
}

int engine::longest_stride() const { return input_slots::longest_stride(base_->hp().n_layer, lowest_); }

size_t engine::activation_bytes() const {
    auto size = [](const ggml_backend_buffer_ptr & b) { return b ? ggml_backend_buffer_get_size(b.get()) : 0; };
    return size(hidden_buffer_) + size(grad_buffer_) + size(kept_buffer_) + head_.allocated_bytes() + runner_.compute_buffer_bytes();
}

size_t engine::device_bytes() const {
    return activation_bytes() + (base_->weights() ? base_->weights()->device_bytes() : 0) + (tuning_ ? tuning_->params().bytes() : 0);
}

ggml_tensor * engine::hidden(graph & g, int slot, int64_t T) const {
    return g.leaf(GGML_TYPE_F32, {base_->hp().n_embd, T}, hidden_buffer_.get(), base_of(hidden_buffer_) + slot * slot_bytes_);
}

ggml_tensor * engine::hidden_grad(graph & g, int slot, int64_t T) const {
    return g.leaf(GGML_TYPE_F32, {base_->hp().n_embd, T}, grad_buffer_.get(), base_of(grad_buffer_) + slot * slot_bytes_);
}

// The embeddings are dequantised on the host, row by row: no device needs the table, nor the operation.
void engine::embed(const micro_batch & mb, double noise, uint64_t key) {
    const int64_t      T = mb.n_tokens();
    std::vector<float> rows((size_t) base_->hp().n_embd * T);
    base_->embed(mb.tokens.data(), T, rows.data());
    const trace::part & prologue = base_->program().prologue;
    if (prologue.steps.empty()) {
        if (noise > 0) {
            add_input_noise(rows, mb, noise, key);
        }
        graph         g(runner_);
        ggml_tensor * x = hidden(g, slots_.at(0), T);
        ggml_backend_tensor_set(x, rows.data(), 0, rows.size() * sizeof(float));
        return;
    }
    block_pass p(runner_, mb, false);
    var        x = p.t.input(p.g.input(GGML_TYPE_F32, {base_->hp().n_embd, T}, [&](void * dst) { std::memcpy(dst, rows.data(), rows.size() * sizeof(float)); }), false);
    var        y = run_part(p.t, &p.in, *base_, prologue, -1, nullptr, 0, x);
    if (noise > 0) { // the prologue scales: noise comes after it
        std::vector<float> added(rows.size(), 0.0f);
        add_input_noise(added, mb, noise, key);
        y = add(p.t, y, p.t.input(p.g.input(GGML_TYPE_F32, {base_->hp().n_embd, T}, [added](void * dst) { std::memcpy(dst, added.data(), added.size() * sizeof(float)); }), false));
    }
    p.g.place(y->value, hidden_buffer_.get(), base_of(hidden_buffer_) + slots_.at(0) * slot_bytes_);
    p.g.expand(y->value);
    p.g.run();
}

void engine::add_forward(block_pass & p, int il, uint64_t key) {
    var x = p.t.input(hidden(p.g, slots_.at(il), p.in.batch->n_tokens()), false);
    var y = block_forward(p.t, p.in, *base_, il, tuning_, key, x);
    p.g.place(y->value, hidden_buffer_.get(), base_of(hidden_buffer_) + slots_.at(il + 1) * slot_bytes_);
    p.g.expand(y->value);
}

void engine::add_backward(block_pass & p, int il, uint64_t key, int grad_slot) {
    const int64_t T = p.in.batch->n_tokens();
    var           x = p.t.input(hidden(p.g, slots_.at(il), T), il > lowest_);
    var           y = block_forward(p.t, p.in, *base_, il, tuning_, key, x);
    p.t.backward(y, hidden_grad(p.g, grad_slot, T));
    if (x->grad) {
        // Written beside dY, which the graph still reads.
        ggml_tensor * dx = x->grad;
        while (dx->view_src) {
            dx = dx->view_src;
        }
        p.g.place(dx, grad_buffer_.get(), base_of(grad_buffer_) + (1 - grad_slot) * slot_bytes_);
        p.g.expand(x->grad);
    }
}

// Runs block il's graph; while the device computes, block next_il is brought to where it will be wanted (-1: none).
void engine::run_block(graph & g, int il, int next_il) {
    weight_store * w = base_->weights();
    if (!w) {
        g.run();
        return;
    }
    w->fetch(il);
    g.run([&] {
        if (next_il >= 0 && w->apart(il, next_il)) {
            w->fetch(next_il);
        }
    });
}

void engine::load_or_store(block_pass & p, int il, const kept_blocks & kept, bool store) const {
    p.kept.bf16 = keep_bf16_;
    if (il >= kept.first) {
        p.kept.what    = store ? kept_values::mode::store : kept_values::mode::load;
        p.kept.buffer  = kept_buffer_.get();
        p.kept.address = base_of(kept_buffer_) + (il - kept.first) * kept.bytes;
    }
}

// From block il's input to the next one's.
void engine::run_forward(const micro_batch & mb, int il, bool training, uint64_t key, const kept_blocks & kept, int next_il) {
    block_pass p(runner_, mb, training);
    load_or_store(p, il, kept, true);
    add_forward(p, il, key);
    run_block(p.g, il, next_il);
}

void engine::forward(const micro_batch & mb, bool training, uint64_t key, const kept_blocks & kept) {
    if (slot_bytes_ < (size_t) base_->hp().n_embd * mb.n_tokens() * sizeof(float)) {
        throw failure("internal", "A micro-batch of " + std::to_string(mb.n_tokens()) + " tokens exceeds the engine's " + std::to_string(pass_tokens()));
    }
    embed(mb, training && tuning_ ? tuning_->input_noise() : 0.0, key);
    const int n_layer = base_->hp().n_layer;
    for (int il = 0; il < n_layer; il++) {
        run_forward(mb, il, training, key, kept, il + 1 < n_layer ? il + 1 : -1);
    }
}

// Bytes that the block with the most expensive values keeps.
size_t engine::measure_kept(const micro_batch & mb) {
    std::set<std::string> seen;
    size_t                most = 0;
    for (int il = base_->hp().n_layer - 1; il >= 0; il--) {
        if (!seen.insert(base_->program().blocks[il].signature()).second) {
            continue;
        }
        block_pass p(runner_, mb, true, true);
        p.kept.what = kept_values::mode::measure;
        p.kept.bf16 = keep_bf16_;
        block_forward(p.t, p.in, *base_, il, tuning_, 0, p.t.input(hidden(p.g, 0, mb.n_tokens()), true));
        most = std::max(most, p.kept.bytes);
    }
    return most;
}

// Decides which blocks keep their inner values, and makes room for them.
engine::kept_blocks engine::keep_blocks(const micro_batch & mb) {
    const int    n_layer = base_->hp().n_layer;
    const size_t bytes   = measure_kept(mb);
    const int    n_kept  = (int) std::min<size_t>(n_layer - lowest_, bytes ? kept_budget_ / bytes : 0);
    if (n_kept > 0 && (!kept_buffer_ || ggml_backend_buffer_get_size(kept_buffer_.get()) < n_kept * bytes)) {
        kept_buffer_.reset();
        kept_buffer_ = try_allocate(base_->device(), n_kept * bytes);
        if (!kept_buffer_) {
            if (base_->device().is_cpu()) {
                throw_out_of_memory(base_->device(), "kept activations");
            }
            kept_budget_ = 0; // somebody else took the device's memory: recomputing needs none
            return {n_layer, bytes};
        }
    }
    return {n_layer - n_kept, bytes};
}

head_memory engine::head_memory_of(int64_t T, bool with_grad, int grad_slot) const {
    head_memory out;
    out.hidden = [this, T](graph & g) { return hidden(g, slots_.at(base_->hp().n_layer), T); };
    if (with_grad) {
        out.d_hidden = [this, T, grad_slot](graph & g) { return hidden_grad(g, grad_slot, T); };
    }
    return out;
}

batch_loss engine::evaluate(const micro_batch & mb) {
    forward(mb, false, 0, {base_->hp().n_layer, 0});
    batch_loss loss{0, (int64_t) mb.labels.size(), {}};
    loss.nats = head_.run(mb, head_memory_of(mb.n_tokens(), false, 0), 0.0f, nullptr, &loss.token_nats);
    return loss;
}

batch_loss engine::accumulate_gradients(const micro_batch & mb, float grad_scale, uint64_t dropout_key) {
    return accumulate_gradients(mb, {}, grad_scale, dropout_key);
}

batch_loss engine::accumulate_gradients(const micro_batch & mb, const token_weights_fn & weigh, float grad_scale, uint64_t dropout_key) {
    const hparams & hp = base_->hp();
    const int64_t   T  = mb.n_tokens();

    const kept_blocks kept = keep_blocks(mb);
    if (!base_->device().is_cpu()) {
        runner_.gradient_factor = grad_scale;
        grad_scale              = 1.0f;
    }

    forward(mb, true, dropout_key, kept);

    int grad_slot = 0;
    {
        graph g(runner_);
        ggml_backend_tensor_memset(hidden_grad(g, grad_slot, T), 0, 0, slot_bytes_ > 0 ? (size_t) hp.n_embd * T * sizeof(float) : 0);
    }
    batch_loss         loss{0, (int64_t) mb.labels.size(), {}};
    std::vector<float> weights;
    if (weigh) {
        std::vector<float> nats;
        head_.run(mb, head_memory_of(T, false, 0), 0.0f, nullptr, &nats);
        weights = weigh(nats);
    }
    loss.nats = head_.run(mb, head_memory_of(T, true, grad_slot), grad_scale, weigh ? weights.data() : nullptr, &loss.token_nats);

    const kept_blocks nothing{hp.n_layer, 0};
    int               from = slots_.origin(hp.n_layer - 1); // what lies between the kept inputs belongs to it
    for (int il = hp.n_layer - 1; il >= lowest_; il--) {
        if (slots_.origin(il) != from) {
            from = slots_.origin(il);
            for (int k = from; k < il; k++) {
                run_forward(mb, k, true, dropout_key, nothing, k + 1);
            }
        }
        block_pass p(runner_, mb, true);
        load_or_store(p, il, kept, false);
        add_backward(p, il, dropout_key, grad_slot);
        const int before = il == lowest_ ? -1 : slots_.origin(il - 1) == from ? il - 1 : slots_.origin(il - 1);
        run_block(p.g, il, before);
        grad_slot = 1 - grad_slot;
    }
    return loss;
}

std::vector<float> engine::logits(const micro_batch & mb) {
    const hparams & hp = base_->hp();
    forward(mb, false, 0, {hp.n_layer, 0});
    const int64_t T = mb.n_tokens();
    graph         g(runner_);
    tape          t(g, nullptr, false);
    var           x = run_part(t, nullptr, *base_, base_->program().epilogue, -1, nullptr, 0, t.input(hidden(g, slots_.at(hp.n_layer), T), false));
    GGML_ASSERT(!base_->weights() || base_->weights()->n_head_slabs() == 0);
    ggml_tensor * y = frozen_product(g, base_->output(), x->value);
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

bool append_row(micro_batch & mb, const uint32_t * tokens, size_t n_tokens, int max_seq_len, uint64_t row_id) {
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
        mb.sup_start.push_back(0);
    }
    const int32_t start = (int32_t) mb.tokens.size();
    for (size_t i = 0; i < n; i++) {
        mb.tokens.push_back((int32_t) (tokens[i] & 0x7fffffffu));
        mb.positions.push_back((int32_t) i);
        mb.dropout_ids.push_back(stream_key(row_id, i));
        if (i > 0 && (tokens[i] & 0x80000000u)) {
            mb.sup_index.push_back(start + (int32_t) i - 1);
            mb.labels.push_back((int32_t) (tokens[i] & 0x7fffffffu));
        }
    }
    mb.seq_start.push_back((int32_t) mb.tokens.size());
    mb.sup_start.push_back((int32_t) mb.labels.size());
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
