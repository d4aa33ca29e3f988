// A tuning method at work on a base: its parameters, the hooks that it attaches to the base's sites, and what it does between
// steps. A method is one file: this class and its method_kind.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/settings.hpp"
#include "ops/ops.hpp"
#include "peft/method-kind.hpp"
#include "peft/parameters.hpp"
#include "peft/saved-tuning.hpp"
#include "peft/tunable.hpp"

namespace forja {

class method {
  public:
    virtual ~method() = default;

    parameter_store &       params() { return params_; }
    const parameter_store & params() const { return params_; }

    /// Random start; the tuned model equals the base. `seed` alone decides the values.
    virtual void init(uint64_t seed) = 0;

    /// Called before a step's first pass and after its optimiser step; `step` counts from 1.
    virtual void before_step(int64_t /*step*/) {}
    virtual void after_step(int64_t /*step*/) {}

    /// Alpha of the noise on what enters the first block (NEFTune); 0 for none.
    double input_noise() const { return enabled_ ? s_.neftune_noise_alpha : 0.0; }

    /// What the method adds to a step's loss; adds that term's gradient to its parameters' gradients.
    virtual double extra_loss() { return 0.0; }

    /// What the method does to a layer; null when it leaves the layer alone, or is disabled. `keys`: of the step and block, and the
    /// pass's tokens.
    std::shared_ptr<adapted_linear> adapt(const linear_weights & w, const dropout_keys & keys);

    /// Disabled, the engine computes the base as it is, to the bit.
    void set_enabled(bool enabled) { enabled_ = enabled; }
    bool enabled() const { return enabled_; }

    /// The lowest block with a parameter; n_layer when there is none. Backward passes stop there.
    int lowest_block() const { return lowest_block_; }

    /// False as long as the tuned model equals the base.
    virtual bool changes_base() const = 0;

    /// The parameters as files hold them, under the method's own names.
    saved_tuning saved() const;

    /// Takes them back. @throws error adapter_mismatch
    void load(const saved_tuning & saved);

  protected:
    /// A site that is tuned: `parts` are indices in params(), in the order of the kind's parts.
    struct tuned_site {
        const linear_weights * weights;
        int64_t                n_in, n_out;
        std::vector<int>       parts;
        std::vector<int>       fixed; // indices of params().fixed(), [n_out] each
    };

    /// Declares the kind's parts for each site of `base` among the setting target_modules. @throws error no_target_modules
    method(const method_kind & kind, const method_settings & s, const tunable & base);

    /// The hook of sites()[i].
    virtual std::shared_ptr<adapted_linear> hook(size_t i, const dropout_keys & keys) = 0;

    /// Called when load() has changed the parameters.
    virtual void loaded() {}

    const std::vector<tuned_site> & sites() const { return sites_; }
    std::vector<float>              values(int i) const { return params_.read(params_.value(i)); }

    method_settings s_;
    parameter_store params_;

  private:
    const method_kind &           kind_;
    std::string                   architecture_, base_name_;
    std::vector<tuned_site>       sites_;
    std::map<std::string, size_t> by_name_;
    int                           lowest_block_;
    bool                          enabled_ = true;
};

/// Makes the method for a base; its parameters are allocated and zero.
/// @param training false when it only scores
/// @throws error: method_unknown, no_target_modules
std::unique_ptr<method> make_method(const method_settings & s, const tunable & base, bool training);

/// Makes the method of a saved tuning, with its values. @throws error: adapter_mismatch
std::unique_ptr<method> method_from_saved(const saved_tuning & saved, const tunable & base, bool training);

} // namespace forja
