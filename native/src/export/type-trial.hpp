// Which type keeps what was learned? Tried on held-out rows by stock libllama, from the smallest file up.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "export/llama-scorer.hpp"
#include "gguf/gguf-file.hpp"
#include "peft/saved-tuning.hpp"

namespace forja {

/// An output type, the size of its file, and how much of the tuning it keeps.
struct tried_type {
    std::string           output_type;
    uint64_t              output_bytes = 0;
    std::optional<double> export_loss; // none: not tried, since a smaller type keeps enough
    std::optional<double> kept_share;  // (base - export) / (base - tuned), of the mean loss of these rows
};

struct trial_options {
    std::string model_path;
    std::string tuned_path, adapter_path; // what libllama loads for the live model: see loadable-tuning.hpp
    std::string tokens_path; // held-out rows (.fjt)
    uint64_t    max_rows    = 64;
    uint64_t    max_tokens  = 0; // that are read with each type; 0: by the model's size, see trial_tokens
    uint32_t    max_seq_len = 512;
    int         threads     = 1;
    std::string device      = "cpu";
};

/// How many tokens of held-out rows each type reads by default, and base and live model once: 512 and what is left of a row, fewer for models of more than a billion
/// parameters, and no fewer than 256. Losses are compared on the same tokens, so that few tell types apart.
uint64_t trial_tokens(uint64_t n_params);

/// Mean losses over the rows' supervised tokens, in nats. Base and base + adapter are scored once.
class type_trial {
  public:
    /// @throws error token_file_*, adapter_mismatch, device_not_found, nothing_to_verify, export_unusable
    type_trial(trial_options options, const progress_fn & progress);

    double base_loss() const { return base_loss_; }
    double tuned_loss() const { return tuned_loss_; }

    /// Whether tuning lowered the loss on these rows by more than the noise of the sums, so that a share of it can be told.
    bool has_gain() const;

    /// Scores a merged file. @throws error export_unusable
    tried_type try_file(const std::string & output_type, const std::string & path, const progress_fn & progress) const;

  private:
    double loss_of(const llama_model_ptr & model, const std::string & path, const std::string & adapter_path, const progress_fn & progress) const;

    trial_options options_;
    uint64_t      n_rows_ = 0;
    uint32_t      n_ctx_  = 0;
    double        base_loss_ = 0, tuned_loss_ = 0;
};

/// The types that are tried for this base, the smallest file first: its own, Q4_K_M, Q5_K_M, Q6_K, Q8_0 and BF16, but none that is as
/// large as a file of the base's own type or larger where that type is one of 8 bits or more, and none that comes to the same file as another.
std::vector<tried_type> types_to_try(const gguf_file & base, const saved_tuning & saved);

/// The type to write where nothing can be tried: the base's own where that has 8 bits or more a weight, else Q8_0, the smallest that
/// keeps a tuning whatever it is.
std::string type_without_trial(const gguf_file & base);

} // namespace forja
