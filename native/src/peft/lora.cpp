#include "peft/lora.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.hpp"
#include "base/random.hpp"
#include "ops/cpu-ops.hpp"
#include "ops/cpu/kernels.hpp"

namespace forja {

namespace {

class lora_linear : public adapted_linear {
  public:
    lora_linear(ggml_tensor * a, ggml_tensor * b, ggml_tensor * a_grad, ggml_tensor * b_grad, float scale, const cpu::dropout & drop)
        : a_(a), b_(b), a_grad_(a_grad), b_grad_(b_grad), scale_(scale), drop_(drop) {}

    ggml_tensor * forward(tape & t, ggml_tensor * x, ggml_tensor * y_base) override {
        ggml_context * ctx = t.ctx();
        dropping_          = t.training && drop_.n_dropped > 0;
        ggml_tensor * xd   = dropped(t, x);
        if (t.g.on_cpu()) {
            u_ = t.keep(cpu_lora_down(t.g, a_, xd, 1.0f));
            return cpu_lora_up(t.g, b_, u_, y_base, scale_);
        }
        u_ = t.keep(ggml_mul_mat(ctx, a_, xd));
        return ggml_add(ctx, y_base, ggml_mul_mat(ctx, b_, ggml_scale(ctx, u_, scale_))); // scaled where it is small
    }

    // dB += s u dy^T, du = s B^T dy, dA += x du^T.
    ggml_tensor * backward(tape & t, ggml_tensor * x, ggml_tensor * dy) override {
        ggml_context * ctx = t.ctx();
        if (t.g.on_cpu()) {
            du_ = cpu_lora_up_backward(t.g, b_, dy, scale_);
        } else {
            ggml_tensor * bt = ggml_cont(ctx, ggml_transpose(ctx, b_)); // [n_out, r]
            du_              = ggml_scale(ctx, ggml_mul_mat(ctx, bt, dy), scale_);
        }
        accumulate_outer(t.g, b_grad_, u_, dy, scale_);
        accumulate_outer(t.g, a_grad_, dropped(t, x), du_, 1.0f);
        return dy;
    }

    ggml_tensor * add_dx(tape & t, ggml_tensor * dx) override {
        ggml_context * ctx = t.ctx();
        if (t.g.on_cpu()) {
            return dropping_ ? cpu_lora_down_backward(t.g, a_, du_, dx, drop_) : cpu_lora_down_backward(t.g, a_, du_, dx);
        }
        ggml_tensor * at  = ggml_cont(ctx, ggml_transpose(ctx, a_)); // [r, n_in]
        ggml_tensor * own = ggml_mul_mat(ctx, at, du_);
        return ggml_add(ctx, dx, mask_ ? ggml_mul(ctx, own, mask_) : own);
    }

  private:
    // Inverted dropout on the adapter's input, as PEFT does it. The CPU drops the same values again on the way back, which costs
    // less than keeping them; other devices get the mask from the host.
    ggml_tensor * dropped(tape & t, ggml_tensor * x) {
        if (!dropping_) {
            return x;
        }
        if (t.g.on_cpu()) {
            return cpu_dropout(t.g, x, drop_);
        }
        if (!mask_) {
            const int64_t n = x->ne[0], n_tokens = x->ne[1];
            mask_ = t.g.input(GGML_TYPE_F32, {n, n_tokens}, [drop = drop_, n, n_tokens](void * dst) {
                cpu::dropout_apply(drop, (float *) dst, nullptr, n, n_tokens, false, 0, 1);
            });
        }
        return ggml_mul(t.ctx(), x, mask_);
    }

    ggml_tensor * a_, *b_, *a_grad_, *b_grad_;
    float         scale_;
    cpu::dropout  drop_;
    bool          dropping_ = false;
    ggml_tensor * u_        = nullptr; // [r, T] = A x
    ggml_tensor * du_       = nullptr; // [r, T]
    ggml_tensor * mask_     = nullptr; // [n_in, T], not on the CPU
};

} // namespace

int64_t count_lora_params(const tunable & base, int lora_rank, const std::vector<std::string> & target_modules) {
    int64_t n = 0;
    for (const site & at : base.sites()) {
        if (is_target(at.role, target_modules)) {
            n += lora_rank * (at.weights->weight->ne[0] + at.weights->weight->ne[1]);
        }
    }
    return n;
}

lora::lora(const method_settings & s, const tunable & base, bool training)
    : s_(s), architecture_(base.architecture()), base_name_(base.name()), lowest_block_(base.n_layer()),
      scale_(lora_scale(s.lora_alpha, s.lora_rank, s.use_rslora)) {
    for (const site & at : base.sites()) {
        const linear_weights & w = *at.weights;
        if (!is_target(at.role, s_.target_modules)) {
            continue;
        }
        pair p{w.name, 0, 0, w.weight->ne[0], w.weight->ne[1]};
        p.a = params_.add(w.name + ".lora_a", p.n_in, s_.lora_rank);
        p.b = params_.add(w.name + ".lora_b", s_.lora_rank, p.n_out);
        params_.set_rate(p.b, s_.lora_plus_ratio);
        by_name_[w.name] = (int) pairs_.size();
        pairs_.push_back(p);
        lowest_block_ = std::min(lowest_block_, at.block);
    }
    if (pairs_.empty()) {
        std::set<std::string> roles;
        for (const site & at : base.sites()) {
            roles.insert(at.role);
        }
        std::string list;
        for (const std::string & role : roles) {
            list += (list.empty() ? "" : ", ") + role;
        }
        throw error("no_target_modules", "None of the target_modules is a layer of this model", "This model has: " + list + ". Or use all-linear.",
                    {{"modules", list}});
    }
    params_.allocate(base.device(), training);
}

void lora::init(uint64_t seed) {
    for (size_t i = 0; i < pairs_.size(); i++) {
        // Kaiming uniform with a = sqrt(5), as PEFT: the bound comes to 1 / sqrt(n_in).
        const pair &       p     = pairs_[i];
        const float        bound = 1.0f / std::sqrt((float) p.n_in);
        const uint64_t     key   = stream_key(seed, 0x6c6f7261, i);
        std::vector<float> a(p.n_in * s_.lora_rank), b(s_.lora_rank * p.n_out, 0.0f);
        for (size_t j = 0; j < a.size(); j++) {
            a[j] = (2.0f * uniform01(key, j) - 1.0f) * bound;
        }
        params_.write(params_.value(p.a), a.data(), a.size());
        params_.write(params_.value(p.b), b.data(), b.size());
    }
}

std::shared_ptr<adapted_linear> lora::adapt(const linear_weights & w, const dropout_keys & keys) {
    auto found = by_name_.find(w.name);
    if (found == by_name_.end()) {
        return nullptr;
    }
    const pair & p = pairs_[found->second];
    return std::make_shared<lora_linear>(params_.value(p.a), params_.value(p.b), params_.grad(p.a), params_.grad(p.b), scale_,
                                         cpu::dropout_of(s_.lora_dropout, stream_key(keys.key, found->second), keys.token));
}

adapter_tensors lora::to_adapter() const {
    adapter_tensors out;
    out.architecture    = architecture_;
    out.base_model_name = base_name_;
    out.lora_rank       = s_.lora_rank;
    out.lora_alpha      = s_.lora_alpha;
    out.lora_dropout    = s_.lora_dropout;
    out.use_rslora      = s_.use_rslora;
    out.target_modules  = s_.target_modules;
    for (const pair & p : pairs_) {
        adapter_tensors::pair q;
        q.base_name = p.name;
        q.n_in      = p.n_in;
        q.n_out     = p.n_out;
        q.rank      = s_.lora_rank;
        q.a         = params_.read(params_.value(p.a));
        q.b         = params_.read(params_.value(p.b));
        out.pairs.push_back(std::move(q));
    }
    return out;
}

void lora::from_adapter(const adapter_tensors & a) {
    auto refuse = [](const std::string & why) {
        throw error("adapter_mismatch", "The adapter doesn't fit these settings: " + why,
                    "Use the settings that it was trained with, and the same base model.");
    };
    for (const adapter_tensors::pair & q : a.pairs) {
        auto found = by_name_.find(q.base_name);
        if (found == by_name_.end()) {
            refuse("it adapts '" + q.base_name + "', which is not adapted here");
        }
        const pair & p = pairs_[found->second];
        if (q.n_in != p.n_in || q.n_out != p.n_out || q.rank != s_.lora_rank) {
            refuse("'" + q.base_name + "' has another shape or rank");
        }
        params_.write(params_.value(p.a), q.a.data(), q.a.size());
        params_.write(params_.value(p.b), q.b.data(), q.b.size());
    }
    if (a.pairs.size() != pairs_.size()) {
        refuse("it adapts " + std::to_string(a.pairs.size()) + " layers, here there are " + std::to_string(pairs_.size()));
    }
}

} // namespace forja
