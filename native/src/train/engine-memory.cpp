// How an engine lives within a device's memory: measuring, planning, allocating.
#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "ops/device-attention.hpp"
#include "ops/device-products.hpp"
#include "train/block-pass.hpp"
#include "train/engine.hpp"

namespace forja {

namespace {

// What a GPU's driver and libraries take beside what is asked of them: contexts, workspaces, conversions inside a product.
constexpr size_t device_reserve_bytes = 400ll << 20;

// The most demanding micro-batch of so many tokens, every one supervised: rows as long as they get, since a tile of attention grows
// with the keys that it sees.
micro_batch worst_batch(int64_t tokens, int64_t max_row_tokens) {
    micro_batch mb;
    while (tokens > 0) {
        const std::vector<uint32_t> row(std::min(tokens, max_row_tokens), 0x80000000u);
        if (!append_row(mb, row.data(), row.size(), (int) row.size())) {
            break; // one token: nothing to predict
        }
        tokens -= (int64_t) row.size();
    }
    return mb;
}

} // namespace

void engine::look(const micro_batch & mb, const std::function<void(graph &)> & visit) {
    look(mb, base_->weights() ? base_->weights()->placement().head_rows : 0, visit);
}

void engine::look(const micro_batch & mb, int64_t slab_rows, const std::function<void(graph &)> & visit) {
    std::set<std::string> seen;
    for (int il = 0; il < base_->hp().n_layer; il++) {
        const bool adapted = o_.training && il >= lowest_, turn = adapted && il == lowest_;
        if (!seen.insert(base_->kind_of(il) + (turn ? " lowest" : adapted ? " adapted" : "")).second) {
            continue;
        }
        {
            block_pass p(runner_, mb, o_.training, true);
            add_forward(p, il, 0);
            visit(p.g);
        }
        if (adapted) {
            block_pass p(runner_, mb, true, true);
            add_backward(p, il, 0, 0);
            visit(p.g);
        }
    }
    head_.look(mb, head_memory_of(mb.n_tokens(), o_.training, 0), slab_rows, visit);
}

size_t engine::measure_activations(int64_t tokens, int64_t slab_rows) {
    const micro_batch mb  = worst_batch(tokens, o_.max_row_tokens);
    size_t            sum = 0, compute = 0;
    if (o_.training) {
        sum += 2 * GGML_PAD((size_t) base_->hp().n_embd * tokens * sizeof(float), 256);
    }
    if (slab_rows > 0) {
        sum += head_.scratch_bytes(head_.rows_at_a_time((int64_t) mb.labels.size()));
    }
    look(mb, slab_rows, [&](graph & g) { compute = std::max(compute, runner_.measure(g)); });
    // A mix of other rows may leave gaps between its values that this one has not: 1 % was seen.
    return sum + compute + compute / 16;
}

bool engine::allocate(const memory_plan & p) {
    device & dev = base_->device();
    hidden_buffer_.reset();
    grad_buffer_.reset();
    kept_buffer_.reset();
    const micro_batch mb = worst_batch(p.pass_tokens, o_.max_row_tokens);
    slots_               = input_slots(base_->hp().n_layer, lowest_, p.input_stride);
    slot_bytes_          = GGML_PAD((size_t) base_->hp().n_embd * p.pass_tokens * sizeof(float), 256);
    auto get             = [&](size_t bytes, ggml_backend_buffer_ptr & b) {
        b.reset(ggml_backend_buft_alloc_buffer(dev.buffer_type(), bytes));
        return b != nullptr;
    };
    bool fits = !base_->weights() || base_->weights()->place(p.weights);
    fits      = fits && get(hidden_bytes(p.pass_tokens, p.input_stride), hidden_buffer_) && (!o_.training || get(2 * slot_bytes_, grad_buffer_));
    fits      = fits && (p.weights.head_rows == 0 || head_.allocate_scratch(head_.rows_at_a_time((int64_t) mb.labels.size())));
    if (fits) {
        look(mb, p.weights.head_rows, [&](graph & g) {
            if (fits && runner_.measure(g) > runner_.compute_buffer_bytes()) {
                fits = runner_.reserve(g);
            }
        });
    }
    return fits;
}

void engine::plan_memory_use() {
    device &       dev = base_->device();
    weight_store * w   = base_->weights();
    o_.max_row_tokens  = o_.max_row_tokens > 0 ? std::min(o_.max_row_tokens, o_.max_tokens) : o_.max_tokens;
    runner_.attention_rows = query_tile_rows(base_->hp().n_head, o_.max_row_tokens, o_.score_bytes);

    memory_needs needs;
    needs.adapter_bytes   = tuning_ ? tuning_->params().bytes() : 0;
    needs.available_bytes = o_.device_memory_limit_bytes > 0 ? (size_t) o_.device_memory_limit_bytes : SIZE_MAX;
    if (const uint64_t free_bytes = dev.free_bytes()) {
        const size_t usable   = free_bytes > 2 * device_reserve_bytes ? free_bytes - device_reserve_bytes : free_bytes / 2;
        needs.available_bytes = std::min(needs.available_bytes, usable + needs.adapter_bytes);
    }
    needs.kept_bytes = kept_budget_;
    if (o_.training && o_.activation_budget_bytes < 0 && !dev.is_cpu() && needs.available_bytes < SIZE_MAX) {
        // A GPU's memory is there to be used: all blocks' values, as far as half of what is left goes. The other half is for whoever
        // shares the device.
        needs.kept_bytes = measure_kept(worst_batch(o_.max_tokens, o_.max_row_tokens)) * (size_t) (base_->hp().n_layer - lowest_);
        needs.kept_bytes = std::min(needs.kept_bytes, ggml_backend_buft_get_max_size(dev.buffer_type())); // they lie in one buffer
        needs.kept_part  = 2;
    }
    needs.passes  = pass_choices(o_.max_tokens, o_.max_row_tokens, longest_stride());
    needs.n_layer = base_->hp().n_layer;
    if (o_.input_stride > 0) {
        std::erase_if(needs.passes, [this](const pass_choice & p) { return p.input_stride != std::min(o_.input_stride, longest_stride()); });
    }
    const int64_t least_rows = slab_rows(runner_, base_->hp().n_embd);
    std::map<std::pair<int64_t, bool>, size_t> measured;
    needs.activation_bytes = [&](const pass_choice & p, bool slabs) {
        auto known = measured.find({p.tokens, slabs});
        if (known == measured.end()) {
            known = measured.insert({{p.tokens, slabs}, measure_activations(p.tokens, slabs ? least_rows : 0)}).first;
        }
        return known->second + hidden_bytes(p.tokens, p.input_stride);
    };
    if (w) {
        needs.weight_bytes = [w](const weight_placement & p) { return w->bytes(p); };
        for (int64_t rows = (w->head_rows() / 2 + least_rows - 1) / least_rows * least_rows; rows > 0 && rows < w->head_rows();
             rows = rows > least_rows ? (rows / 2 + least_rows - 1) / least_rows * least_rows : 0) {
            needs.head_rows.push_back(rows); // multiples of what is dequantised at a time: the same sums in the same order
        }
    }
    for (;;) {
        plan_ = plan_memory(needs, dev.name());
        if (allocate(plan_)) {
            break;
        }
        needs.available_bytes = (size_t) ((double) std::min(needs.available_bytes, plan_.bytes) * 0.9); // it has less than it says
    }
    kept_budget_ = plan_.kept_bytes;
}

std::vector<warning> engine::warnings() const {
    std::vector<warning> out;
    const std::string    device = base_->device().name();
    if (plan_.pass_tokens > 0 && plan_.pass_tokens < o_.max_tokens) {
        const std::string most = std::to_string(o_.max_tokens), pass = std::to_string(plan_.pass_tokens);
        out.push_back({"micro_batch_split",
                       "A micro-batch has up to " + most + " tokens and the memory of " + device + " holds " + pass + ": it is computed in pieces, with the same result",
                       "A smaller micro_batch_size with more gradient_accumulation_steps is the same training.",
                       {{"tokens", most}, {"pass_tokens", pass}, {"device", device}}});
    }
    if (slots_.stride() > 1) {
        const std::string stride = std::to_string(slots_.stride());
        out.push_back({"inputs_recomputed",
                       "Memory holds the input of one block in " + stride + ": the others' are computed again on the way back, which is slower, with the same result",
                       "A lower max_seq_len needs less memory.",
                       {{"stride", stride}, {"device", device}}});
    }
    const int n_layer = base_->hp().n_layer;
    if (base_->weights() && (plan_.weights.n_slots < n_layer || plan_.weights.head_rows > 0)) {
        const std::string held = std::to_string(plan_.weights.n_slots), all = std::to_string(n_layer);
        out.push_back({"weights_streamed",
                       "The model is larger than the memory of " + device + " allows: it holds " + held + " of " + all + " blocks at a time" +
                           (plan_.weights.head_rows > 0 ? " and a part of the output matrix" : "") + ", the rest is sent when needed, which is slower",
                       "A larger micro_batch_size makes more of each transfer; a smaller quantisation of the model may fit whole.",
                       {{"blocks_held", held}, {"n_layer", all}, {"device", device}}});
    }
    return out;
}

} // namespace forja
