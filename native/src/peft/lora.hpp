// LoRA: W x + s B (A x), with A [n_in, r] random and B [r, n_out] zero at the start. On a quantised base this is QLoRA.
// Source: Hu et al. 2021, eq. 3; s = lora_alpha / r, or lora_alpha / sqrt(r) (Kalajdzievski 2023).
#pragma once

#include <map>

#include "peft/method.hpp"

namespace forja {

class lora : public method {
  public:
    lora(const method_settings & s, const tunable & base, bool training);

    void                            init(uint64_t seed) override;
    std::shared_ptr<adapted_linear> adapt(const linear_weights & w, const dropout_keys & keys) override;
    int                             lowest_block() const override { return lowest_block_; }
    adapter_tensors                 to_adapter() const override;
    void                            from_adapter(const adapter_tensors & a) override;

  private:
    struct pair {
        std::string name; // of the base tensor
        int         a, b; // indices in params()
        int64_t     n_in, n_out;
    };
    method_settings            s_;
    std::string                architecture_, base_name_;
    std::vector<pair>          pairs_;
    std::map<std::string, int> by_name_;
    int                        lowest_block_;
    float                      scale_;
};

/// Trainable parameters of LoRA on these layers, by the formula r (n_in + n_out) summed; what PEFT prints.
int64_t count_lora_params(const tunable & base, int lora_rank, const std::vector<std::string> & target_modules);

} // namespace forja
