// Phi 3, 3.5 and 4 mini: q, k, v in one matrix; gate and up in one; long-rope factors. llama.cpp computes full attention
// for every Phi 3 file whatever its sliding_window says, and so does the trainer, so that the tuned model behaves alike.
#include "ggml.h"
#include "model/architectures/all.hpp"

namespace forja {

const architecture arch_phi3{
    .name              = "phi3",
    .qk_norm           = false,
    .post_norms        = false,
    .llama_permuted_qk = false,
    .read = [](const gguf_file &, int, hparams & hp) { hp.rope.mode = hp.rope_local.mode = GGML_ROPE_TYPE_NEOX; },
};

} // namespace forja
