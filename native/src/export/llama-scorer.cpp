#include "export/llama-scorer.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"
#include "base/llama-log.hpp"
#include "ops/device.hpp"

namespace forja {

namespace {

error unusable(const std::string & path, const std::string & doing) {
    const std::string why = take_llama_error();
    return error("export_unusable", "llama.cpp cannot " + doing + " " + path + (why.empty() ? "." : ": " + why),
                 "Export it again; if that fails too, choose another type.", {{"path", path}, {"reason", why}});
}

/// The devices that a model's layers go to: none for the CPU.
std::vector<ggml_backend_dev_t> devices_for(const std::string & name) {
    load_backends(name != "cpu");
    ggml_backend_dev_t dev = nullptr;
    if (name == "auto") {
        dev = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU);
        dev = dev != nullptr ? dev : ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_IGPU);
    } else if (name != "cpu") {
        dev = ggml_backend_dev_by_name(name.c_str());
        if (dev == nullptr) {
            throw error("device_not_found", "There is no device '" + name + "' here.", "Use cpu or auto, or a name that `devices` lists.", {{"device", name}});
        }
    }
    return {dev, nullptr}; // ends with null
}

uint32_t chunk_for(const llama_model & model) {
    const auto n_vocab = static_cast<uint32_t>(llama_vocab_n_tokens(llama_model_get_vocab(&model)));
    return std::clamp<uint32_t>((32u << 20) / (4 * std::max(n_vocab, 1u)), 32, 512);
}

} // namespace

llama_model_ptr load_llama_model(const std::string & path, const std::string & device) {
    quiet_llama_log();
    std::vector<ggml_backend_dev_t> devices = devices_for(device);
    llama_model_params              params  = llama_model_default_params();
    params.devices                          = devices.data();
    params.n_gpu_layers                     = devices.front() != nullptr ? -1 : 0;
    params.use_extra_bufts                  = false; // repacked weights would be copies in memory
    take_llama_error();
    llama_model * model = load_llama_file([&] { return llama_model_load_from_file(path.c_str(), params); });
    if (model == nullptr) {
        throw unusable(path, "load");
    }
    return llama_model_ptr(model, llama_deleter{});
}

uint32_t context_tokens(const llama_model & model, uint32_t longest, uint32_t max_seq_len) {
    char architecture[128] = {}, original[32] = {};
    llama_model_meta_val_str(&model, "general.architecture", architecture, sizeof(architecture));
    const std::string key = std::string(architecture) + ".rope.scaling.original_context_length";
    if (llama_model_meta_val_str(&model, key.c_str(), original, sizeof(original)) <= 0) {
        return longest;
    }
    const auto border = static_cast<uint32_t>(std::strtoul(original, nullptr, 10));
    return max_seq_len > border ? std::max(longest, border + 1) : longest;
}

llama_scorer::llama_scorer(llama_model_ptr model, const std::string & adapter_path, uint32_t max_seq_len, int threads, eval_listener listener)
    : chunk_tokens_(std::min(chunk_for(*model), std::max(max_seq_len, 1u))), model_(std::move(model)) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx                = max_seq_len;
    params.n_batch              = chunk_tokens_;
    params.n_ubatch             = chunk_tokens_;
    params.n_seq_max            = 1;
    params.n_threads            = threads;
    params.n_threads_batch      = threads;
    params.type_k               = GGML_TYPE_F32;
    params.type_v               = GGML_TYPE_F32;
    params.flash_attn_type      = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.no_perf              = true;
    params.cb_eval              = listener.call;
    params.cb_eval_user_data    = listener.self;
    context_.reset(llama_init_from_model(model_.get(), params));
    if (!context_) {
        throw unusable("the model", "make a context for");
    }
    if (!adapter_path.empty()) {
        // Freed with its model.
        llama_adapter_lora * adapter = llama_adapter_lora_init(model_.get(), adapter_path.c_str());
        float                scale   = 1.0f;
        if (adapter == nullptr || llama_set_adapters_lora(context_.get(), &adapter, 1, &scale) != 0) {
            throw unusable(adapter_path, "use the adapter");
        }
    }
}

void llama_scorer::begin_row() { llama_memory_clear(llama_get_memory(context_.get()), true); }

void llama_scorer::feed(const int32_t * tokens, const std::vector<bool> & wanted, uint32_t first_position, int threads) {
    llama_set_n_threads(context_.get(), threads, threads);
    const auto  n     = static_cast<int32_t>(wanted.size());
    llama_batch batch = llama_batch_init(n, 0, 1);
    batch.n_tokens    = n;
    for (int32_t i = 0; i < n; ++i) {
        batch.token[i]     = tokens[i];
        batch.pos[i]       = static_cast<llama_pos>(first_position) + i;
        batch.n_seq_id[i]  = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i]    = wanted[static_cast<size_t>(i)] ? 1 : 0;
    }
    const int32_t rc = llama_decode(context_.get(), batch);
    llama_batch_free(batch);
    if (rc != 0) {
        throw unusable("the model", "run");
    }
}

} // namespace forja
