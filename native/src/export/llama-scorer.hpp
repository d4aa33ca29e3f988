// A model in stock libllama, with or without an adapter, that gives logits for a row of tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "llama.h"

namespace forja {

struct llama_deleter {
    void operator()(llama_model * model) const { llama_model_free(model); }
    void operator()(llama_context * ctx) const { llama_free(ctx); }
};
using llama_model_ptr   = std::shared_ptr<llama_model>;
using llama_context_ptr = std::unique_ptr<llama_context, llama_deleter>;

/// Loads a model with its weights mapped. `device`: cpu, auto or a device's name.
/// @throws error export_unusable with libllama's own reason, device_not_found.
llama_model_ptr load_llama_model(const std::string & path, const std::string & device);

/// How long a context is for rows of `longest` tokens of a run with this max_seq_len: as long as they are, but on the run's side of the
/// context length that the model was first trained with, since libllama takes its short or its long rotary factors by that.
uint32_t context_tokens(const llama_model & model, uint32_t longest, uint32_t max_seq_len);

/// Hears of every operation of a graph, as ggml_backend_sched_eval_callback says.
struct eval_listener {
    ggml_backend_sched_eval_callback call = nullptr;
    void *                           self = nullptr;
};

/// One context. Rows are scored from an empty cache; F32 KV cache and no flash attention, so that differences come from weights.
class llama_scorer {
  public:
    /// @param adapter_path "" for none. The model is kept alive. @throws error export_unusable, adapter_mismatch.
    llama_scorer(llama_model_ptr model, const std::string & adapter_path, uint32_t max_seq_len, int threads, eval_listener listener = {});

    /// Forgets the row before.
    void begin_row();

    /// Takes the next tokens of the row (at most chunk_tokens()) and computes logits for those positions that are wanted. On the
    /// CPU other scorers, of the same model too, may do so at the same time.
    void feed(const int32_t * tokens, const std::vector<bool> & wanted, uint32_t first_position, int threads);

    /// Logits [n_vocab] after the i-th token of the last feed(); it must have been wanted. Valid until the next feed().
    const float * logits(int32_t i) const { return llama_get_logits_ith(context_.get(), i); }

    /// Most tokens that feed() takes: as many as make 32 MB of logits, from 32 to 512, and no more than max_seq_len.
    uint32_t chunk_tokens() const { return chunk_tokens_; }

  private:
    uint32_t          chunk_tokens_;
    llama_model_ptr   model_;
    llama_context_ptr context_;
};

} // namespace forja
