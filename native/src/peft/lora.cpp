#include "peft/lora.hpp"

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "ops/cpu-ops.hpp"

namespace forja {

float lora_scale(double lora_alpha, int64_t rank, bool use_rslora) {
    const double r = static_cast<double>(rank);
    return static_cast<float>(lora_alpha / (use_rslora ? std::sqrt(r) : r));
}

int64_t count_lora_params(const tunable & base, int lora_rank, const std::vector<std::string> & target_modules) {
    int64_t n = 0;
    for (const site & at : base.sites()) {
        if (is_target(at.role, target_modules)) {
            n += lora_rank * (at.weights->weight->ne[0] + at.weights->weight->ne[1]);
        }
    }
    return n;
}

// ---- in training

ggml_tensor * lora_linear::forward(tape & t, ggml_tensor * x, ggml_tensor * y_base) {
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
ggml_tensor * lora_linear::backward(tape & t, ggml_tensor * x, ggml_tensor * dy) {
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

ggml_tensor * lora_linear::add_dx(tape & t, ggml_tensor * dx) {
    ggml_context * ctx = t.ctx();
    if (t.g.on_cpu()) {
        return dropping_ ? cpu_lora_down_backward(t.g, a_, du_, dx, drop_) : cpu_lora_down_backward(t.g, a_, du_, dx);
    }
    ggml_tensor * at  = ggml_cont(ctx, ggml_transpose(ctx, a_)); // [r, n_in]
    ggml_tensor * own = ggml_mul_mat(ctx, at, du_);
    return ggml_add(ctx, dx, mask_ ? ggml_mul(ctx, own, mask_) : own);
}

// Inverted dropout on the adapter's input, as PEFT does it. The CPU drops the same values again on the way back, which costs
// less than keeping them; other devices get the mask from the host.
ggml_tensor * lora_linear::dropped(tape & t, ggml_tensor * x) {
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

lora::lora(const method_kind & kind, const method_settings & s, const tunable & base, bool training)
    : method(kind, s, base), scale_(lora_scale(s.lora_alpha, s.lora_rank, s.use_rslora)) {
    for (const tuned_site & at : sites()) {
        params_.set_rate(at.parts[1], s_.lora_plus_ratio);
    }
    params_.allocate(base.device(), training);
}

namespace {

// A's values: Kaiming uniform with a = sqrt(5), whose bound comes to 1 / sqrt(n_in), or normal with deviation 1 / r; as PEFT.
std::vector<float> start_of_a(const method_settings & s, int64_t n_in, uint64_t key) {
    std::vector<float> a(static_cast<size_t>(n_in * s.lora_rank));
    const bool         gaussian = s.init_lora_weights == "gaussian";
    const float        bound    = 1.0f / std::sqrt((float) n_in);
    for (size_t j = 0; j < a.size(); j++) {
        if (gaussian) { // Box and Muller 1958; 1 - u is never 0
            const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform01(key, 2 * j)));
            a[j] = (float) (radius * std::cos(6.283185307179586 * uniform01(key, 2 * j + 1)) / (double) s.lora_rank);
        } else {
            a[j] = (2.0f * uniform01(key, j) - 1.0f) * bound;
        }
    }
    return a;
}

} // namespace

void lora::init(uint64_t seed) {
    for (size_t i = 0; i < sites().size(); i++) {
        const tuned_site &       at = sites()[i];
        const std::vector<float> a = start_of_a(s_, at.n_in, stream_key(seed, 0x6c6f7261, i)), b(s_.lora_rank * at.n_out, 0.0f);
        params_.write(params_.value(at.parts[0]), a.data(), a.size());
        params_.write(params_.value(at.parts[1]), b.data(), b.size());
    }
}

bool lora::changes_base() const {
    return std::any_of(sites().begin(), sites().end(), [&](const tuned_site & at) {
        const std::vector<float> b = values(at.parts[1]);
        return std::any_of(b.begin(), b.end(), [](float x) { return x != 0.0f; });
    });
}

lora_linear lora::pair_at(size_t i, const dropout_keys & keys) const {
    const int a = sites()[i].parts[0], b = sites()[i].parts[1];
    return lora_linear(params_.value(a), params_.value(b), params_.grad(a), params_.grad(b), scale_,
                       cpu::dropout_of(s_.lora_dropout, stream_key(keys.key, (int) i), keys.token));
}

std::shared_ptr<adapted_linear> lora::hook(size_t i, const dropout_keys & keys) { return std::make_shared<lora_linear>(pair_at(i, keys)); }

// ---- in files

lora_fold::lora_fold(const saved_tuning & saved, const std::string & site) {
    const saved_tuning::tensor *a = saved.find(site, "lora_a"), *b = saved.find(site, "lora_b");
    n_in_  = a->ne0;
    rank_  = a->ne1;
    a_     = a->values.data();
    b_     = b->values.data();
    scale_ = lora_scale(saved.settings.lora_alpha, rank_, saved.settings.use_rslora);
}

bool lora_fold::changes(int64_t row) const {
    const float * b = b_ + row * rank_;
    return scale_ != 0.0f && std::any_of(b, b + rank_, [](float x) { return x != 0.0f; });
}

void lora_fold::apply(int64_t first, int64_t n, float * rows, std::vector<float> & scratch) const {
    const float * b = b_ + first * rank_;
    scratch.resize(static_cast<size_t>(n * rank_));
    std::transform(b, b + n * rank_, scratch.begin(), [this](float x) { return scale_ * x; });
    cpu::add_low_rank(rows, n_in_, n, a_, scratch.data(), n_in_, rank_);
}

std::unique_ptr<row_fold> lora_method_kind::fold(const saved_tuning & saved, const std::string & site) const {
    return saved.has(site) ? std::make_unique<lora_fold>(saved, site) : nullptr;
}

std::unique_ptr<method> lora_method_kind::make(const method_settings & s, const tunable & base, bool training) const {
    return std::make_unique<lora>(s, base, training);
}

const std::vector<part_kind> & lora_method_kind::parts() const {
    static const std::vector<part_kind> parts = {{"lora_a", extent::in, extent::rank, "lora_A.weight"},
                                                 {"lora_b", extent::rank, extent::out, "lora_B.weight"}};
    return parts;
}

const method_kind & lora_kind() {
    static const lora_method_kind kind;
    return kind;
}

} // namespace forja
