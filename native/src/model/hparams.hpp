// A model's sizes.
//
// Dimension letters used through the trainer: T tokens of a micro-batch, n_embd, n_ff, n_head, n_head_kv, head_dim,
// n_vocab as in llama.cpp; r the adapter's rank; n_in and n_out a linear layer's. Shapes are in ggml's order (ne[0] first).
#pragma once

#include <string>

namespace forja {

struct hparams {
    std::string architecture;                                              // general.architecture
    int         n_layer = 0, n_embd = 0, n_head = 0, n_vocab = 0, n_ctx_train = 0; // n_head: the most of any block
    float       final_softcap = 0.0f;                                      // cap·tanh(x / cap) on output logits; 0 for none
};

} // namespace forja
