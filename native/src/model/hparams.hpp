// What a model's metadata say about its shape. One struct for all architectures.
//
// Dimension letters used through the trainer: T tokens of a micro-batch, n_embd, n_ff, n_head, n_head_kv, head_dim,
// n_vocab as in llama.cpp; r the adapter's rank; n_in and n_out a linear layer's. Shapes are in ggml's order (ne[0] first).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forja {

enum class activation { silu, gelu_tanh };

/// Rotary embedding as ggml_rope_ext takes it.
struct rope_settings {
    int   n_rot       = 0; // dimensions of a head that rotate
    int   mode        = 0; // GGML_ROPE_TYPE_NORMAL or _NEOX
    int   n_ctx_orig  = 0;
    float freq_base   = 10000.0f;
    float freq_scale  = 1.0f;
    float ext_factor  = 0.0f;
    float attn_factor = 1.0f;
    float beta_fast   = 32.0f;
    float beta_slow   = 1.0f;
};

struct hparams {
    std::string architecture;
    int         n_layer = 0, n_embd = 0, n_head = 0, n_head_kv = 0, head_dim = 0, n_ff = 0, n_vocab = 0, n_ctx_train = 0;

    float      rms_eps         = 1e-5f;
    float      attention_scale = 0.0f; // multiplies q·k
    float      attention_softcap = 0.0f; // cap·tanh(x / cap) on attention logits; 0 for none
    float      final_softcap   = 0.0f; // the same on output logits
    float      embedding_scale = 1.0f;
    activation act             = activation::silu;

    rope_settings     rope;          // of layers with full attention
    rope_settings     rope_local;    // of layers with a sliding window
    std::string       rope_factors;  // tensor with per-frequency divisors, or empty
    int               n_swa = 0;     // window of the local layers; 0 when there are none
    std::vector<bool> is_local;      // per layer: attends only to the last n_swa tokens
};

} // namespace forja
