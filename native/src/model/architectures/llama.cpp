// Llama 2 and 3.x, Mistral, SmolLM2, TinyLlama: what Hugging Face calls LlamaForCausalLM and MistralForCausalLM.
#include "ggml.h"
#include "model/architectures/all.hpp"

namespace forja {

const architecture arch_llama{
    .name              = "llama",
    .qk_norm           = false,
    .post_norms        = false,
    .llama_permuted_qk = true,
    .read = [](const gguf_file &, int, hparams & hp) { hp.rope.mode = hp.rope_local.mode = GGML_ROPE_TYPE_NORMAL; },
};

} // namespace forja
