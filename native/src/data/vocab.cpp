#include "data/vocab.hpp"

#include <cstring>
#include <set>
#include <string>

#include "base/error.hpp"
#include "base/hash.hpp"

namespace forja {

namespace {

/// The length goes in too, so that moving a letter from one text to the next gives another hash.
uint64_t hash_text(const char * text, uint64_t hash) {
    const uint64_t n = std::strlen(text);
    return fnv1a(text, n, fnv1a(&n, sizeof(n), hash));
}

} // namespace

vocab_identity identify_vocab(const gguf_file & model) {
    const int64_t id = gguf_find_key(model.meta(), "tokenizer.ggml.tokens");
    if (id < 0 || gguf_get_kv_type(model.meta(), id) != GGUF_TYPE_ARRAY || gguf_get_arr_type(model.meta(), id) != GGUF_TYPE_STRING) {
        throw error("model_no_tokenizer", model.path() + " holds no tokenizer.", "Choose a complete GGUF model, not a part of one.",
                    {{"path", model.path()}});
    }
    vocab_identity identity;
    identity.n_vocab = static_cast<uint32_t>(gguf_get_arr_n(model.meta(), id));
    uint64_t hash    = hash_text(model.str("tokenizer.ggml.model").value_or("").c_str(), fnv1a_start);
    hash             = hash_text(model.str("tokenizer.ggml.pre").value_or("").c_str(), hash);
    for (uint32_t i = 0; i < identity.n_vocab; ++i) {
        hash = hash_text(gguf_get_arr_str(model.meta(), id, i), hash);
    }
    identity.vocab_hash = hash;
    return identity;
}

bool adds_bos(const gguf_file & model) {
    static const std::set<std::string> bpe_with_bos = {"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano", "tekken", "chameleon"};
    const std::string kind = model.str("tokenizer.ggml.model").value_or("");
    const std::string pre  = model.str("tokenizer.ggml.pre").value_or("");
    if (pre == "gemma4" || kind == "gemma4") { // whatever the file says
        return true;
    }
    const int64_t id = gguf_find_key(model.meta(), "tokenizer.ggml.add_bos_token");
    if (id >= 0 && gguf_get_kv_type(model.meta(), id) == GGUF_TYPE_BOOL) {
        return gguf_get_val_bool(model.meta(), id);
    }
    return kind == "llama" || kind == "bert" || (kind == "gpt2" && bpe_with_bos.contains(pre));
}

} // namespace forja
