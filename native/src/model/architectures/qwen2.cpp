// Qwen 2 and 2.5: biases on q, k and v.
#include "ggml.h"
#include "model/architectures/all.hpp"

namespace forja {

const architecture arch_qwen2{
    .name              = "qwen2",
    .qk_norm           = false,
    .post_norms        = false,
    .llama_permuted_qk = false,
    .read = [](const gguf_file &, int, hparams & hp) { hp.rope.mode = hp.rope_local.mode = GGML_ROPE_TYPE_NEOX; },
};

} // namespace forja
