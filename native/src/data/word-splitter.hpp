// How byte-level BPE cuts a text into words before it joins anything, for the kinds of cut that most models have. Written from
// the patterns that the models' tokenizer.json state; what llama.cpp does where its reading of a pattern is a special one (at the
// end of a text, after a digit) is followed, since inference uses it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace forja {

class word_splitter {
  public:
    /// @param pre tokenizer.ggml.pre, empty where there is none; nullopt for a kind that isn't known here
    static std::optional<word_splitter> find(const std::string & pre);

    /// The end of the word that begins at `from` < text.size(). The text must be UTF-8, and from at the end of the word before.
    size_t next(std::string_view text, size_t from) const;

    /// A word that is a token as it stands is taken so, whatever its parts would be joined to.
    bool keeps_whole_words() const { return whole_words_; }

  private:
    enum class pattern { gpt2, llama3, by_case, plain_bpe, falcon, deepseek_coder, deepseek_v3 };
    word_splitter(pattern p, bool lone_digits, int max_digits, bool marks, bool whole_words)
        : pattern_(p), lone_digits_(lone_digits), max_digits_(max_digits), marks_(marks), whole_words_(whole_words) {}
    size_t llama3(std::string_view text, size_t from) const;
    size_t by_case(std::string_view text, size_t from) const;

    pattern pattern_;
    bool    lone_digits_; // gpt2: each digit is cut out before anything else
    int     max_digits_;  // llama3, by_case: digits of one word
    bool    marks_;       // llama3: accents count as letters; by_case: a contraction goes with the word before it
    bool    whole_words_;
};

} // namespace forja
