#include "support/libllama-reference.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "base/llama-log.hpp"
#include "ggml-backend.h"
#include "llama.h"
#include "ops/device.hpp"

namespace forja::test {

namespace {

using model_ptr   = std::unique_ptr<llama_model, decltype(&llama_model_free)>;
using context_ptr = std::unique_ptr<llama_context, decltype(&llama_free)>;
using lora_ptr    = std::unique_ptr<llama_adapter_lora, decltype(&llama_adapter_lora_free)>;

model_ptr load(const std::string & path) {
    quiet_llama_log();
    load_backends(false);
    llama_model_params params = llama_model_default_params();
    ggml_backend_dev_t none[] = {nullptr};
    params.devices            = none; // CPU only
    params.n_gpu_layers       = 0;
    params.use_extra_bufts    = false;
    return model_ptr(llama_model_load_from_file(path.c_str(), params), llama_model_free);
}

} // namespace

std::vector<float> libllama_logits(const std::string & model_path, const std::vector<int32_t> & tokens, int n_ctx,
                                   const std::string & adapter_path) {
    model_ptr model = load(model_path);
    if (!model) {
        throw std::runtime_error("libllama can't load " + model_path + ": " + take_llama_error());
    }
    const int            n      = (int) tokens.size();
    llama_context_params params = llama_context_default_params();
    params.n_ctx                = n_ctx > 0 ? n_ctx : n;
    params.n_batch = params.n_ubatch = std::max(n, 1);
    params.n_seq_max                 = 1;
    params.n_outputs_max             = n;
    params.n_outputs_max_per_seq     = n;
    params.n_threads = params.n_threads_batch = 1;
    params.flash_attn_type                    = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.no_perf                = true;
    params.swa_full               = false;
    context_ptr context(llama_init_from_model(model.get(), params), llama_free);
    if (!context) {
        throw std::runtime_error("libllama can't make a context for " + model_path + ": " + take_llama_error());
    }
    lora_ptr adapter(nullptr, llama_adapter_lora_free);
    if (!adapter_path.empty()) {
        adapter.reset(llama_adapter_lora_init(model.get(), adapter_path.c_str()));
        if (!adapter) {
            throw std::runtime_error("libllama can't load " + adapter_path + ": " + take_llama_error());
        }
        llama_adapter_lora * list[] = {adapter.get()};
        float                scale[] = {1.0f};
        llama_set_adapters_lora(context.get(), list, 1, scale);
    }
    llama_batch batch = llama_batch_init(n, 0, 1);
    for (int i = 0; i < n; i++) {
        batch.token[i]     = tokens[i];
        batch.pos[i]       = i;
        batch.n_seq_id[i]  = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i]    = 1;
    }
    batch.n_tokens = n;
    const int rc   = llama_decode(context.get(), batch);
    llama_batch_free(batch);
    if (rc != 0) {
        throw std::runtime_error("llama_decode failed with " + std::to_string(rc));
    }
    const int          n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model.get()));
    std::vector<float> out((size_t) n_vocab * n);
    for (int i = 0; i < n; i++) {
        const float * row = llama_get_logits_ith(context.get(), i);
        std::copy(row, row + n_vocab, out.begin() + (size_t) i * n_vocab);
    }
    return out;
}

bool libllama_loads(const std::string & model_path) { return load(model_path) != nullptr; }

} // namespace forja::test
