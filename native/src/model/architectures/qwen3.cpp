// Qwen 3, dense: norms on the heads of q and k, heads whose size is not n_embd / n_head.
#include "ggml.h"
#include "model/architectures/all.hpp"

namespace forja {

const architecture arch_qwen3{
    .name              = "qwen3",
    .qk_norm           = true,
    .post_norms        = false,
    .llama_permuted_qk = false,
    .read = [](const gguf_file &, int, hparams & hp) { hp.rope.mode = hp.rope_local.mode = GGML_ROPE_TYPE_NEOX; },
};

} // namespace forja
