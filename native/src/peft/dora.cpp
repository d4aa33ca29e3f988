// DoRA: LoRA's pair gives the direction, a trained magnitude each output's length: W' row i = m_i (W + s B A)_i / |(W + s B A)_i|.
// Source: Liu et al. 2024, eq. 5 and section 4.3: the length takes no gradient, so it changes between steps only. As PEFT's use_dora,
// but that dropout falls on the pair's input alone, as LoRA's does; PEFT's falls on W's input, too. Rows of zeros stay zero.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "ops/cpu-ops.hpp"
#include "ops/cpu/kernels.hpp"
#include "peft/lora.hpp"

namespace forja {

const method_kind & dora_kind();

namespace {

// |x|, and 1 for zeros, which have no direction.
float length_of(const float * x, int64_t n) {
    double  part[8] = {}; // so that the sums don't wait for each other
    int64_t i       = 0;
    for (; i + 8 <= n; i += 8) {
        for (int64_t j = 0; j < 8; j++) {
            part[j] += (double) x[i + j] * x[i + j];
        }
    }
    double sum = std::accumulate(part, part + 8, 0.0);
    for (; i < n; i++) {
        sum += (double) x[i] * x[i];
    }
    return sum > 0 ? (float) std::sqrt(sum) : 1.0f;
}

class dora_linear : public lora_linear {
  public:
    dora_linear(lora_linear pair, ggml_tensor * magnitude, ggml_tensor * magnitude_grad, ggml_tensor * length, ggml_tensor * bias)
        : lora_linear(std::move(pair)), magnitude_(magnitude), magnitude_grad_(magnitude_grad), length_(length), bias_(bias) {}

    bool owns_output() const override { return true; }

    // y = m / length * v + b, where v = W x + s B A x.
    ggml_tensor * forward(tape & t, ggml_tensor * x, ggml_tensor * y_base) override {
        v_ = t.keep(lora_linear::forward(t, x, y_base));
        if (t.g.on_cpu()) {
            return cpu_scale_outputs(t.g, v_, magnitude_, length_, bias_);
        }
        ggml_tensor * y = ggml_mul(t.ctx(), v_, ratio(t));
        return bias_ ? ggml_add(t.ctx(), y, bias_) : y;
    }

    // dm += sum over tokens of dy v / length; dv = m / length * dy.
    ggml_tensor * backward(tape & t, ggml_tensor * x, ggml_tensor * dy) override {
        ggml_context * ctx = t.ctx();
        ggml_tensor *  dv;
        if (t.g.on_cpu()) {
            t.g.expand(cpu_accumulate_scale(t.g, magnitude_grad_, dy, v_, length_, t.g.runner().gradient_factor));
            dv = cpu_scale_outputs(t.g, dy, magnitude_, length_, nullptr);
        } else {
            ggml_tensor * by_output = ggml_cont(ctx, ggml_transpose(ctx, ggml_mul(ctx, dy, v_)));    // [T, n_out]
            ggml_tensor * sum       = ggml_reshape_1d(ctx, ggml_sum_rows(ctx, by_output), dy->ne[0]);
            sum                     = ggml_scale(ctx, ggml_div(ctx, sum, length_), t.g.runner().gradient_factor);
            t.g.expand(ggml_add_inplace(ctx, magnitude_grad_, sum));
            dv = ggml_mul(ctx, dy, ratio(t));
        }
        return lora_linear::backward(t, x, dv);
    }

  private:
    ggml_tensor * ratio(tape & t) { return ggml_div(t.ctx(), magnitude_, length_); }

    ggml_tensor *magnitude_, *magnitude_grad_, *length_; // [n_out]
    ggml_tensor * bias_;                                 // [n_out] or null
    ggml_tensor * v_ = nullptr;                          // [n_out, T]
};

class dora : public lora {
  public:
    dora(const method_settings & s, const tunable & base, bool training) : lora(dora_kind(), s, base, training), device_(base.device()) {}

    // The magnitude begins as the length, so that the tuned model is the base, to the bit.
    void init(uint64_t seed) override {
        lora::init(seed);
        measure();
        for (const tuned_site & at : sites()) {
            const std::vector<float> length = fixed_values(at);
            params_.write(params_.value(at.parts[2]), length.data(), length.size());
        }
    }

    void after_step(int64_t) override { measure(); }
    void loaded() override { measure(); }

    bool changes_base() const override {
        return lora::changes_base() || std::any_of(sites().begin(), sites().end(), [&](const tuned_site & at) {
                   return params_.read(params_.value(at.parts[2])) != fixed_values(at);
               });
    }

  protected:
    std::shared_ptr<adapted_linear> hook(size_t i, const dropout_keys & keys) override {
        const tuned_site & at = sites()[i];
        return std::make_shared<dora_linear>(pair_at(i, keys), params_.value(at.parts[2]), params_.grad(at.parts[2]), params_.fixed(at.fixed[0]), at.weights->bias);
    }

  private:
    std::vector<float> fixed_values(const tuned_site & at) const { return params_.read(params_.fixed(at.fixed[0])); }

    // The lengths of W + s B A, from the file's own weights: the same numbers that fold() divides by, on every device.
    void measure() {
        const saved_tuning now = saved();
        for (const tuned_site & at : sites()) {
            const tensor_info &  w = *at.weights->info;
            const lora_fold      update(now, w.name);
            std::vector<float>   length(static_cast<size_t>(at.n_out));
            device_.team().run([&](int ith, int nth) {
                std::vector<float> row(static_cast<size_t>(at.n_in)), scratch;
                for (int64_t i = at.n_out * ith / nth; i < at.n_out * (ith + 1) / nth; i++) {
                    const uint8_t * stored = w.data + static_cast<size_t>(i) * ggml_row_size(w.type, at.n_in);
                    if (w.type == GGML_TYPE_F32) {
                        std::memcpy(row.data(), stored, row.size() * sizeof(float));
                    } else {
                        ggml_get_type_traits(w.type)->to_float(stored, row.data(), at.n_in);
                    }
                    update.apply(i, 1, row.data(), scratch);
                    length[static_cast<size_t>(i)] = length_of(row.data(), at.n_in);
                }
            });
            params_.write(params_.fixed(at.fixed[0]), length.data(), length.size());
        }
    }

    device & device_;
};

// Row i of W becomes m_i / |V_i| V_i.
class dora_fold : public lora_fold {
  public:
    dora_fold(const saved_tuning & saved, const std::string & site) : lora_fold(saved, site), magnitude_(saved.find(site, "dora_m")->values.data()) {}

    bool changes(int64_t) const override { return true; }

    void apply(int64_t first, int64_t n, float * rows, std::vector<float> & scratch) const override {
        lora_fold::apply(first, n, rows, scratch);
        for (int64_t i = 0; i < n; i++) {
            float *     row   = rows + i * n_in_;
            const float ratio = magnitude_[first + i] / length_of(row, n_in_);
            std::transform(row, row + n_in_, row, [ratio](float x) { return ratio * x; });
        }
    }

  private:
    const float * magnitude_;
};

class dora_method_kind : public lora_method_kind {
  public:
    const char * name() const override { return "dora"; }
    std::string  file_type() const override { return "forja-dora"; }
    int          fixed_per_output() const override { return 1; } // the length

    std::unique_ptr<method> make(const method_settings & s, const tunable & base, bool training) const override {
        return std::make_unique<dora>(s, base, training);
    }

    const std::vector<part_kind> & parts() const override {
        static const std::vector<part_kind> parts = [this] {
            std::vector<part_kind> pair = lora_method_kind::parts();
            pair.push_back({"dora_m", extent::out, extent::one, "lora_magnitude_vector"});
            return pair;
        }();
        return parts;
    }

    std::unique_ptr<row_fold> fold(const saved_tuning & saved, const std::string & site) const override {
        return saved.has(site) ? std::make_unique<dora_fold>(saved, site) : nullptr;
    }

    std::optional<export_refusal> refuses(const std::string & format) const override {
        if (format != "gguf-adapter") {
            return {};
        }
        return export_refusal{"llama.cpp has no adapters with DoRA's magnitudes: without them the adapter would be another model.",
                              "Export the merged model (gguf), or a PEFT folder (peft)."};
    }

    std::vector<std::pair<std::string, bool>> peft_flags() const override { return {{"use_dora", true}}; }
};

} // namespace

const method_kind & dora_kind() {
    static const dora_method_kind kind;
    return kind;
}

} // namespace forja
