// A tuning method: its parameters, what it does to the base's layers, and how it is saved. One small file each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/settings.hpp"
#include "peft/adapter.hpp"
#include "ops/ops.hpp"
#include "peft/parameters.hpp"
#include "peft/tunable.hpp"

namespace forja {

class method {
  public:
    virtual ~method() = default;

    parameter_store &       params() { return params_; }
    const parameter_store & params() const { return params_; }

    /// Random start; the tuned model equals the base. `seed` alone decides the values.
    virtual void init(uint64_t seed) = 0;

    /// What the method does to a layer; null when it leaves the layer alone. `keys`: of the step and block, and the pass's tokens.
    virtual std::shared_ptr<adapted_linear> adapt(const linear_weights & w, const dropout_keys & keys) = 0;

    /// The lowest block with a parameter; n_layer when there is none. Backward passes stop there.
    virtual int lowest_block() const = 0;

    /// The parameters as the exports take them, and back. @throws error adapter_mismatch
    virtual adapter_tensors to_adapter() const                     = 0;
    virtual void            from_adapter(const adapter_tensors & a) = 0;

  protected:
    parameter_store params_;
};

/// Makes the method for a base; its parameters are allocated and zero.
/// @param training false when it only scores
/// @throws error: method_unknown, no_target_modules
std::unique_ptr<method> make_method(const method_settings & s, const tunable & base, bool training);

/// Makes the method that an adapter file was trained with, with its values.
/// @throws error: adapter_mismatch
std::unique_ptr<method> method_from_adapter(const adapter_tensors & a, const tunable & base, bool training);

} // namespace forja
