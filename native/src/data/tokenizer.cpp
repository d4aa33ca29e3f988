#include "data/tokenizer.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "llama.h"

#include "base/error.hpp"
#include "base/llama-log.hpp"
#include "data/token-file.hpp"
#include "gguf/gguf-file.hpp"

namespace forja {

namespace {

/// Without BOS or EOS; special tokens in the text are read as such.
std::vector<int32_t> tokens_of(const llama_model & model, std::string_view text) {
    const llama_vocab *  vocab = llama_model_get_vocab(&model);
    std::vector<int32_t> out(text.size() + 8); // a token is at least a byte, but for a leading space
    int32_t              n = llama_tokenize(vocab, text.data(), static_cast<int32_t>(text.size()), out.data(), static_cast<int32_t>(out.size()), false, true);
    if (n < 0) {
        out.resize(static_cast<size_t>(-n));
        n = llama_tokenize(vocab, text.data(), static_cast<int32_t>(text.size()), out.data(), static_cast<int32_t>(out.size()), false, true);
    }
    out.resize(static_cast<size_t>(n < 0 ? 0 : n));
    return out;
}

bool is_special(const llama_vocab * vocab, int32_t token) {
    return (llama_vocab_get_attr(vocab, token) & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED)) != 0;
}

} // namespace

void tokenizer::model_deleter::operator()(llama_model * model) const { llama_model_free(model); }

tokenizer::model_ptr tokenizer::load(const std::string & path, bool without_space_prefix) {
    llama_model_kv_override overrides[2]{};
    overrides[0].tag      = LLAMA_KV_OVERRIDE_TYPE_BOOL;
    overrides[0].val_bool = false;
    std::strncpy(overrides[0].key, "tokenizer.ggml.add_space_prefix", sizeof(overrides[0].key) - 1);
    llama_model_params params = llama_model_default_params();
    params.vocab_only         = true;
    if (without_space_prefix) {
        params.kv_overrides = overrides;
    }
    take_llama_error();
    model_ptr model(llama_model_load_from_file(path.c_str(), params));
    if (!model || llama_vocab_type(llama_model_get_vocab(model.get())) == LLAMA_VOCAB_TYPE_NONE) {
        const std::string why = take_llama_error();
        throw error("tokenizer_unusable", "llama.cpp cannot load the tokenizer of " + path + (why.empty() ? "." : ": " + why),
                    "Get a current GGUF of this model.", {{"path", path}, {"reason", why}});
    }
    return model;
}

tokenizer::tokenizer(const std::string & model_path) {
    quiet_llama_log();
    const auto file           = gguf_file::open(model_path);
    identity_                 = identify_vocab(*file);
    model_                    = load(model_path, false);
    const llama_vocab * vocab = llama_model_get_vocab(model_.get());
    add_bos_                  = llama_vocab_get_add_bos(vocab);
    bos_                      = llama_vocab_bos(vocab);
    if (llama_vocab_n_tokens(vocab) != static_cast<int32_t>(identity_.n_vocab)) {
        throw error("tokenizer_unusable", "llama.cpp counts the tokens of " + model_path + " differently.", {}, {{"path", model_path}});
    }
    // Only SentencePiece vocabularies may put a space before a text.
    if (llama_vocab_type(vocab) == LLAMA_VOCAB_TYPE_SPM) {
        plain_ = load(model_path, true);
        if (tokens_of(*model_, "a") == tokens_of(*plain_, "a")) {
            plain_.reset();
        }
    }
    find_cuts(file->str("tokenizer.ggml.pre").value_or("default"));
}

tokenizer::~tokenizer() = default;

void tokenizer::find_cuts(const std::string & pre) {
    // Splits into words that, in llama.cpp, begin a word at a single space after anything that isn't white space, and at the
    // line ends after a word.
    static const std::set<std::string> known = {"default",   "gpt-2",  "phi-2",  "llama3", "llama-v3", "llama-bpe", "qwen2",     "deepseek-r1-qwen", "smollm",
                                                "starcoder", "refact", "tekken", "gpt-4o", "dbrx",     "smaug-bpe", "stablelm2", "command-r",        "olmo"};
    const llama_vocab * vocab = llama_model_get_vocab(model_.get());
    const bool          spm   = llama_vocab_type(vocab) == LLAMA_VOCAB_TYPE_SPM;
    if (!spm && (llama_vocab_type(vocab) != LLAMA_VOCAB_TYPE_BPE || known.count(pre) == 0)) {
        return;
    }
    cuts_.emplace(!spm);
    for (int32_t i = 0; i < llama_vocab_n_tokens(vocab); ++i) {
        pieces_.push_back(piece(i));
        // Ordinary tokens of byte-level BPE can't reach across: they are found within words.
        if (spm || is_special(vocab, i)) {
            cuts_->forbid(pieces_.back(), is_special(vocab, i));
        }
    }
}

/// Puts the words of a text that was tokenised in one go into the cache. cuts: where words end, the last at text.size().
void tokenizer::remember(std::string_view text, const std::vector<size_t> & cuts, bool begins, const std::vector<int32_t> & tokens, word_cache & cache) const {
    size_t token = 0, at = 0, from = 0;
    // The space that a model puts before a text, and white space that special tokens swallow, make texts differ: what comes after
    // is not remembered.
    for (const size_t cut : cuts) {
        const size_t first = token;
        while (token < tokens.size() && at < cut) {
            const std::string & p = pieces_[static_cast<size_t>(tokens[token++])];
            if (text.substr(at, p.size()) != p) {
                return;
            }
            at += p.size();
        }
        if (at != cut || (cut == text.size() && token != tokens.size())) {
            return;
        }
        if (cut - from <= word_cache::max_word_bytes) {
            cache.put(text.substr(from, cut - from), begins && from == 0, tokens.data() + first, token - first);
        }
        from = cut;
    }
}

std::vector<int32_t> tokenizer::by_words(std::string_view text, bool begins, word_cache * cache) const {
    if (cache == nullptr || !cuts_) {
        return begins ? begin_uncut(text) : go_on_uncut(text);
    }
    std::vector<int32_t> out;
    out.reserve(text.size() / 3 + 1);
    // Neighbouring words that the cache lacks are tokenised together: a call of libllama costs as much as many words.
    std::vector<size_t> unknown_cuts;
    size_t              unknown_from = 0;
    const auto          tokenise_unknown = [&](size_t to) {
        if (unknown_from < to) {
            const std::string_view     part   = text.substr(unknown_from, to - unknown_from);
            const bool                 first  = begins && unknown_from == 0;
            const std::vector<int32_t> tokens = first ? begin_uncut(part) : go_on_uncut(part);
            out.insert(out.end(), tokens.begin(), tokens.end());
            remember(part, unknown_cuts, first, tokens, *cache);
            unknown_cuts.clear();
        }
    };
    for (size_t from = 0, to; from < text.size(); from = to) {
        to = cuts_->next(text, from);
        if (const auto * seen = cache->find(text.substr(from, to - from), begins && from == 0)) {
            const std::vector<int32_t> * tokens = seen;
            std::vector<int32_t>         copy;
            if (unknown_from < from) {
                copy   = *seen; // the cache changes below
                tokens = &copy;
                tokenise_unknown(from);
            }
            out.insert(out.end(), tokens->begin(), tokens->end());
            unknown_from = to;
        } else {
            unknown_cuts.push_back(to - unknown_from);
        }
    }
    tokenise_unknown(text.size());
    return out;
}

std::vector<int32_t> tokenizer::begin_uncut(std::string_view text) const { return tokens_of(*model_, text); }

std::vector<int32_t> tokenizer::begin(std::string_view text, word_cache * cache) const {
    std::vector<int32_t> out = by_words(text, true, cache);
    if (add_bos_ && bos_ >= 0 && (out.empty() || out.front() != bos_)) {
        out.insert(out.begin(), bos_);
    }
    return out;
}

std::vector<int32_t> tokenizer::go_on(std::string_view text, word_cache * cache) const { return by_words(text, false, cache); }

std::vector<int32_t> tokenizer::go_on_uncut(std::string_view text) const {
    if (!plain_) {
        return tokens_of(*model_, text);
    }
    // No space before the text; but after a special token within it, inference puts one, and so must this. So what comes
    // before the first special token is taken from the plain vocabulary and the rest from the model's own.
    std::vector<int32_t> out   = tokens_of(*plain_, text);
    const llama_vocab *  vocab = llama_model_get_vocab(model_.get());
    std::string          before;
    for (size_t i = 0; i < out.size(); ++i) {
        if (!is_special(vocab, out[i])) {
            before += piece(out[i]);
            continue;
        }
        // Marks that swallow the white space beside them make the two differ; then the plain tokens stand.
        if (text.substr(0, before.size()) == before) {
            const std::vector<int32_t> rest = tokens_of(*model_, text.substr(before.size()));
            out.resize(i);
            out.insert(out.end(), rest.begin(), rest.end());
        }
        break;
    }
    return out;
}

std::vector<uint32_t> tokenizer::row(const std::vector<segment> & segments, word_cache * cache) const {
    std::vector<uint32_t> words;
    std::string           text;
    bool                  first = true;
    for (size_t i = 0; i < segments.size(); ++i) {
        text += segments[i].text;
        const bool supervised = segments[i].supervised;
        if (text.empty() || (i + 1 < segments.size() && segments[i + 1].supervised == supervised)) {
            continue;
        }
        for (const int32_t token : first ? begin(text, cache) : go_on(text, cache)) {
            words.push_back(static_cast<uint32_t>(token) | (supervised ? supervised_bit : 0u));
        }
        first = false;
        text.clear();
    }
    if (!words.empty()) {
        words.front() &= ~supervised_bit;
    }
    return words;
}

std::string tokenizer::piece(int32_t token) const {
    const llama_vocab * vocab = llama_model_get_vocab(model_.get());
    std::string         text(64, '\0');
    int32_t             n = llama_token_to_piece(vocab, token, text.data(), static_cast<int32_t>(text.size()), 0, true);
    if (n < 0) {
        text.resize(static_cast<size_t>(-n));
        n = llama_token_to_piece(vocab, token, text.data(), static_cast<int32_t>(text.size()), 0, true);
    }
    text.resize(static_cast<size_t>(n < 0 ? 0 : n));
    return text;
}

} // namespace forja
