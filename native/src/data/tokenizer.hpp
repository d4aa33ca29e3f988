// The model's own tokenizer, and how a training row becomes tokens.
//
// libllama's answer is the right one, and the reference here: without a cache it is asked. With a cache the same tokens come many
// times sooner, from our own encoders where the kind of vocabulary is known (byte-level BPE with a word_splitter; SentencePiece; BPE
// of characters); other kinds are left to libllama. Whether ours can be trusted is found out when the vocabulary is loaded, by
// comparing with libllama on texts that are hard to get right.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/bpe-encoder.hpp"
#include "data/char-bpe-encoder.hpp"
#include "data/special-tokens.hpp"
#include "data/spm-encoder.hpp"
#include "data/vocab.hpp"
#include "data/word-cache.hpp"
#include "data/word-splitter.hpp"

struct llama_model;

namespace forja {

/// A part of a training row. Neighbours of the same kind are joined before they are tokenised.
struct segment {
    std::string text;
    bool        supervised = false; // its tokens are learnt
    bool        literal    = false; // what a person wrote: marks of control tokens in it are only text
};

/// Tokenises as inference with libllama does. Thread-safe after construction.
class tokenizer {
  public:
    /// Loads the vocabulary only. @throws error what gguf_file::open throws, model_no_tokenizer, tokenizer_unusable.
    explicit tokenizer(const std::string & model_path);
    ~tokenizer();

    const vocab_identity & identity() const { return identity_; }

    /// The tokens of a text that begins a context: BOS when the vocabulary wants one (and the text doesn't begin with it),
    /// template marks such as <|im_start|> read as special tokens, SentencePiece's leading space where the model has it.
    /// With a cache, which must be used with this tokenizer only and by one thread at a time, the same tokens come sooner.
    std::vector<int32_t> begin(std::string_view text, word_cache * cache = nullptr) const;

    /// The tokens of a text that continues one: no BOS and no space put before it.
    std::vector<int32_t> go_on(std::string_view text, word_cache * cache = nullptr) const;

    /// A row as payload words (token-file.hpp): the tokens that begin() gives for its text in one piece, except where a border
    /// between what is given and what is learnt lies inside a token; there the tokens before it are those of the prompt alone, as at
    /// inference, and what follows goes on behind them (run-borders.hpp). The first token is never supervised.
    std::vector<uint32_t> row(const std::vector<segment> & segments, word_cache * cache = nullptr) const;

    /// The same, appended to `words`; returns how many.
    size_t add_row(const std::vector<segment> & segments, word_cache * cache, std::vector<uint32_t> & words) const;

    /// The token that begins a context, where the vocabulary wants one; -1 where it doesn't.
    int32_t bos() const { return add_bos_ ? bos_ : -1; }

    /// The text of a token, with special tokens written out; may be part of a UTF-8 sequence.
    std::string piece(int32_t token) const;

    /// Whether a cache makes anything faster: our own encoders know this vocabulary and agree with libllama.
    bool is_own() const { return bpe_ || spm_ || chars_; }

  private:
    struct model_deleter {
        void operator()(llama_model * model) const;
    };
    using model_ptr = std::unique_ptr<llama_model, model_deleter>;
    static model_ptr load(const std::string & path, bool without_space_prefix);

    std::vector<int32_t> by_libllama(std::string_view text, bool begins) const; // but for BOS
    /// Appends to out, but for BOS. `places` gets how many tokens `out` holds before each border.
    void encode(std::string_view text, const std::vector<text_range> & literal, std::span<const size_t> borders, bool begins, word_cache * cache,
                std::vector<int32_t> & out, std::vector<size_t> & places) const;
    void encode_by_libllama(std::string_view text, std::span<const size_t> borders, bool begins, std::vector<int32_t> & out, std::vector<size_t> & places) const;
    void encode_plain(std::string_view text, bool after_mark, word_cache * cache, std::vector<int32_t> & out) const;
    bool wants_bos(const std::vector<int32_t> & tokens) const;
    void                 find_encoders(const gguf_file & file);
    bool                 agrees_with_libllama() const;

    vocab_identity identity_;
    model_ptr      model_;
    model_ptr      plain_; // the same vocabulary that puts no space before a text; null where model_ puts none either
    bool           add_bos_ = false;
    int32_t        bos_     = -1;

    std::optional<special_tokens> marks_;
    bool                          splits_marks_ = true; // false: they are left to libllama
    std::optional<word_splitter>  words_;
    // At most one of these.
    std::unique_ptr<bpe_encoder>      bpe_; // with words_
    std::unique_ptr<spm_encoder>      spm_;
    std::unique_ptr<char_bpe_encoder> chars_;
};

} // namespace forja
