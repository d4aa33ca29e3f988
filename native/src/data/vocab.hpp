// What identifies a model's vocabulary: token files and adapters only fit models that share it.
#pragma once

#include <cstdint>

#include "gguf/gguf-file.hpp"

namespace forja {

struct vocab_identity {
    uint32_t n_vocab    = 0; // number of tokens in the tokenizer
    uint64_t vocab_hash = 0; // FNV-1a over tokenizer.ggml.model, .pre and every token's text and length
};

/// @throws error model_no_tokenizer when the file holds no token list.
vocab_identity identify_vocab(const gguf_file & model);

/// Whether the tokenizer puts BOS before every text, by libllama's rules for the metadata; nothing of the vocabulary is loaded.
bool adds_bos(const gguf_file & model);

} // namespace forja
