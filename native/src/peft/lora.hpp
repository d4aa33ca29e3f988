// LoRA: W x + s B (A x), with A [n_in, r] random and B [r, n_out] zero at the start. On a quantised base this is QLoRA.
// Source: Hu et al. 2021, eq. 3; s = lora_alpha / r, or lora_alpha / sqrt(r) (Kalajdzievski 2023, eq. 5).
#pragma once

#include "ops/cpu/kernels.hpp"
#include "peft/method.hpp"

namespace forja {

/// s, the factor of B·A.
float lora_scale(double lora_alpha, int64_t rank, bool use_rslora);

/// LoRA's files, and what methods that build on its pair share.
class lora_method_kind : public method_kind {
  public:
    const char *                              name() const override { return "lora"; }
    std::string                               file_type() const override { return "lora"; }
    std::unique_ptr<method>                   make(const method_settings & s, const tunable & base, bool training) const override;
    const std::vector<part_kind> &            parts() const override;
    void                                      write_keys(gguf_context * meta, const saved_tuning & saved) const override;
    void                                      read_keys(const gguf_file & file, saved_tuning & saved) const override;
    std::unique_ptr<row_fold>                 fold(const saved_tuning & saved, const std::string & site) const override;
    std::vector<std::pair<std::string, bool>> peft_flags() const override { return {{"use_dora", false}}; }
};

const method_kind & lora_kind();

/// W + s B A, row by row.
class lora_fold : public row_fold {
  public:
    lora_fold(const saved_tuning & saved, const std::string & site);
    bool changes(int64_t row) const override;
    void apply(int64_t first, int64_t n, float * rows, std::vector<float> & scratch) const override;

  protected:
    int64_t       n_in_, rank_;
    float         scale_;
    const float * a_; // [n_in, r]
    const float * b_; // [r, n_out]
};

/// The pair at work on a layer.
class lora_linear : public adapted_linear {
  public:
    lora_linear(ggml_tensor * a, ggml_tensor * b, ggml_tensor * a_grad, ggml_tensor * b_grad, float scale, const cpu::dropout & drop)
        : a_(a), b_(b), a_grad_(a_grad), b_grad_(b_grad), scale_(scale), drop_(drop) {}

    ggml_tensor * forward(tape & t, ggml_tensor * x, ggml_tensor * y_base) override;
    ggml_tensor * backward(tape & t, ggml_tensor * x, ggml_tensor * dy) override;
    ggml_tensor * add_dx(tape & t, ggml_tensor * dx) override;

  private:
    ggml_tensor * dropped(tape & t, ggml_tensor * x);

    ggml_tensor * a_, *b_, *a_grad_, *b_grad_;
    float         scale_;
    cpu::dropout  drop_;
    bool          dropping_ = false;
    ggml_tensor * u_        = nullptr; // [r, T] = A x
    ggml_tensor * du_       = nullptr; // [r, T]
    ggml_tensor * mask_     = nullptr; // [n_in, T], not on the CPU
};

class lora : public method {
  public:
    lora(const method_settings & s, const tunable & base, bool training) : lora(lora_kind(), s, base, training) {}

    void init(uint64_t seed) override;
    bool changes_base() const override;

  protected:
    /// For methods whose first two parts are A and B.
    lora(const method_kind & kind, const method_settings & s, const tunable & base, bool training);

    std::shared_ptr<adapted_linear> hook(size_t i, const dropout_keys & keys) override;
    /// The pair of sites()[i] at work on a pass.
    lora_linear                     pair_at(size_t i, const dropout_keys & keys) const;

  private:
    float scale_;
};

/// Trainable parameters of LoRA on these layers, by the formula r (n_in + n_out) summed; what PEFT prints.
int64_t count_lora_params(const tunable & base, int lora_rank, const std::vector<std::string> & target_modules);

} // namespace forja
