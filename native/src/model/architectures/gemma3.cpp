// Gemma 3, text: scaled embeddings, norms before and after, GELU, five local layers to each global one.
#include <cmath>

#include "ggml.h"
#include "model/architectures/all.hpp"

namespace forja {

const architecture arch_gemma3{
    .name              = "gemma3",
    .qk_norm           = true,
    .post_norms        = true,
    .llama_permuted_qk = false,
    .read =
        [](const gguf_file & file, int, hparams & hp) {
            hp.act             = activation::gelu_tanh;
            hp.embedding_scale = std::sqrt((float) hp.n_embd);
            hp.final_softcap   = (float) file.f64("gemma3.final_logit_softcapping").value_or(0.0);
            // The 27B model (62 layers) scales by n_embd / n_head in place of the head's size.
            hp.attention_scale = 1.0f / std::sqrt((float) (hp.n_layer == 62 ? hp.n_embd / hp.n_head : hp.head_dim));
            hp.rope.mode = hp.rope_local.mode = GGML_ROPE_TYPE_NEOX;

            hp.n_swa = (int) file.i64("gemma3.attention.sliding_window").value_or(0);
            if (hp.n_swa > 0) {
                int64_t period = 6;
                if (gguf_find_key(file.meta(), "gemma3.attention.sliding_window_pattern") >= 0) {
                    period = file.i64("gemma3.attention.sliding_window_pattern").value_or(6);
                }
                for (int il = 0; il < hp.n_layer; il++) {
                    hp.is_local[il] = period == 0 || il % period < period - 1;
                }
                hp.rope_local.freq_base  = (float) file.f64("gemma3.rope.freq_base_swa").value_or(10000.0);
                hp.rope_local.freq_scale = 1.0f;
            }
        },
};

} // namespace forja
