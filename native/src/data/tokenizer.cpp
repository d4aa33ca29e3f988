#include "data/tokenizer.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <span>

#include "llama.h"

#include "base/error.hpp"
#include "base/llama-log.hpp"
#include "data/run-borders.hpp"
#include "data/token-file.hpp"
#include "data/unicode-classes.hpp"
#include "gguf/gguf-file.hpp"

namespace forja {

namespace {

/// Without BOS or EOS. marks: the marks of control tokens are read as such; those of user-defined tokens always are.
std::vector<int32_t> tokens_of(const llama_model & model, std::string_view text, bool marks) {
    const llama_vocab *  vocab = llama_model_get_vocab(&model);
    const auto           size  = static_cast<int32_t>(text.size());
    std::vector<int32_t> out(text.size() + 8); // a token is at least a byte, but for a leading space
    int32_t              n = llama_tokenize(vocab, text.data(), size, out.data(), static_cast<int32_t>(out.size()), false, marks);
    if (n < 0) {
        out.resize(static_cast<size_t>(-n));
        n = llama_tokenize(vocab, text.data(), size, out.data(), static_cast<int32_t>(out.size()), false, marks);
    }
    out.resize(static_cast<size_t>(n < 0 ? 0 : n));
    return out;
}

bool is_special(const llama_vocab * vocab, int32_t token) {
    return (llama_vocab_get_attr(vocab, token) & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED)) != 0;
}

/// Word by word, each cut off by next(text, from): its tokens out of the cache, or made by make(word, made) and kept there.
/// @returns false when make() does, which ends it; `out` may hold anything behind what it held then
template <typename Next, typename Make>
bool encode_words(std::string_view text, word_cache & cache, std::vector<int32_t> & out, const Next & next, const Make & make) {
    word_cache::wanted ahead[16];
    size_t             at = out.size();
    out.resize(at + text.size() / 3 + word_cache::most_at_once);
    for (size_t from = 0; from < text.size();) {
        size_t n = 0;
        for (size_t to; from < text.size() && n < std::size(ahead); from = to) {
            to         = next(text, from);
            ahead[n++] = cache.want(text, from, to - from);
        }
        for (const word_cache::wanted & w : std::span(ahead, n)) {
            if (at + word_cache::most_at_once > out.size()) {
                out.resize(2 * out.size());
            }
            if (cache.find(w, out.data(), at)) {
                continue;
            }
            cache.made.clear();
            if (!make(w.word, cache.made)) {
                return false;
            }
            cache.put(w, cache.made);
            out.resize(std::max(out.size(), at + cache.made.size()));
            std::copy(cache.made.begin(), cache.made.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
            at += cache.made.size();
        }
    }
    out.resize(at);
    return true;
}

void append(std::vector<int32_t> & out, const std::vector<int32_t> & tokens) { out.insert(out.end(), tokens.begin(), tokens.end()); }

/// Texts that are hard to get right; the marks of the vocabulary are put between some of them.
std::vector<std::string> hard_texts() {
    return {
        "Hello, world! It's John's; THEY'RE we'Ve i'll I'D can't 'tis ''s '",
        "a  b   c    d\te\t\tf\n\ng\n \n  h\r\n\r\ni \n",
        "   leading and trailing   ",
        "\n\nx\n\n\n\n\ny \t \n z",
        "0 1 12 123 1234 12345 1234567890 3.14159 1,000,000 x1y22z333 ½ ²³ ٣٤٥ 四五 Ⅷ",
        "int main(void) { for (int i=0;i<10;++i) x[i] += 0x1F; /* ok */ } // https://a.b/c?d=e&f=%20#g",
        "if foo:\n    return {'k': [1, 2]}\n\n\tdef bar(self):\n\t\tpass\n",
        "¿Cuánto cuesta el año? ¡Qué ÉXITO! naïve façade Straße ﬁn",
        "Привет, мир! Ёжик в тумане. Ελληνικά Ὀδύσσεια עברית שלום العربية مرحبا، كيف؟",
        "今天天气很好。我们去公园吧！日本語のテキスト、カタカナ。한국어 텍스트입니다.",
        "हिन्दी पाठ ไทยไม่มีช่องว่าง বাংলা தமிழ் Việt Nam e\u0301 n\u0303",
        "🙂🙃 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ☕️ ✨… — “quotes” ‘single’ «guillemets» ¢£¥€",
        "\u00a0nbsp\u00a0\u2003em\u3000ideographic\u200bzero\u2028line\u0085next\ufeffbom",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "!!!???...,,,;;;:::---===***###@@@~~~```|||\\\\\\///<<<>>>(((()))){{{{}}}}[[[[]]]]\n\n",
        "                                                                                x\n\n\n\n\n\n\n\n\n",
        "PNEUMONOULTRAMICROSCOPICSILICOVOLCANOCONIOSIS donaudampfschifffahrtsgesellschaftskapitän",
        "<|not_a_mark|> <s <pad ▁under▁lines <0x0A> </ s> [INST [/INST]] \x01\x02\x7f",
        std::string("nul\0inside", 10),
        "camelCaseWORDSAndHTTPServer2Go iPhone15Pro O'Neill's rock'n'roll",
        "x",
        " ",
        "\n",
        "  \n",
    };
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
    model_ptr model(load_llama_file([&] { return llama_model_load_from_file(path.c_str(), params); }));
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
        if (tokens_of(*model_, "a", true) == tokens_of(*plain_, "a", true)) {
            plain_.reset();
        }
    }
    marks_.emplace(vocab);
    find_encoders(*file);
}

tokenizer::~tokenizer() = default;

void tokenizer::find_encoders(const gguf_file & file) {
    const llama_vocab * vocab = llama_model_get_vocab(model_.get());
    const auto          type  = llama_vocab_type(vocab);
    if (type == LLAMA_VOCAB_TYPE_SPM) {
        spm_ = spm_encoder::load(vocab);
    } else if (type == LLAMA_VOCAB_TYPE_BPE && file.str("tokenizer.ggml.model").value_or("") == "gpt2") {
        words_ = word_splitter::find(file.str("tokenizer.ggml.pre").value_or(""));
        bpe_   = words_ ? bpe_encoder::load(file, words_->keeps_whole_words()) : nullptr;
    } else if (type == LLAMA_VOCAB_TYPE_BPE && file.str("tokenizer.ggml.model").value_or("") == "gemma4") {
        chars_ = char_bpe_encoder::load(file);
    }
    if (!agrees_with_libllama()) {
        spm_.reset();
        bpe_.reset();
        chars_.reset();
        splits_marks_ = agrees_with_libllama();
    }
}

bool tokenizer::agrees_with_libllama() const {
    const llama_vocab * vocab = llama_model_get_vocab(model_.get());
    std::string         marked;
    int                 n_marks = 0;
    for (int32_t i = 0; i < llama_vocab_n_tokens(vocab) && n_marks < 64; ++i) {
        if (is_special(vocab, i)) {
            static const char * between[] = {"", " ", "a", "\n", "  x \n", " is ", "\t\n"};
            marked += between[n_marks++ % 7];
            marked += llama_vocab_get_text(vocab, i);
        }
    }
    std::vector<std::string> texts = hard_texts();
    const size_t             plain = texts.size();
    std::string              all;
    for (const std::string & text : texts) {
        all += text;
    }
    texts.push_back(all);
    texts.push_back(marked + " end\n");
    word_cache cache;
    for (int round = 0; round < 2; ++round) { // in the second, words come from the cache
        for (size_t i = 0; i < texts.size(); ++i) {
            // With marks in it, what goes on is not one question to libllama but several, asked in encode()'s own way.
            for (const bool begins : {true, false}) {
                if (!begins && plain_ && i > plain) {
                    continue;
                }
                std::vector<int32_t> own;
                std::vector<size_t>  places;
                encode(texts[i], {}, {}, begins, &cache, own, places);
                if (own != by_libllama(texts[i], begins)) {
                    return false;
                }
            }
        }
    }
    return true;
}

std::vector<int32_t> tokenizer::by_libllama(std::string_view text, bool begins) const {
    if (begins || !plain_) {
        return tokens_of(*model_, text, true);
    }
    // No space before the text; but after a mark within it inference puts one, and so must this.
    std::vector<int32_t> out;
    mark_room            room;
    bool                 certain = true, after_mark = false;
    for (const text_part & part : marks_->split(text, {}, {}, certain, room)) {
        if (part.token >= 0) {
            out.push_back(part.token);
        } else {
            append(out, tokens_of(after_mark ? *model_ : *plain_, text.substr(part.begin, part.end - part.begin), false));
        }
        after_mark = part.token >= 0;
    }
    return out;
}

void tokenizer::encode_by_libllama(std::string_view text, std::span<const size_t> borders, bool begins, std::vector<int32_t> & out,
                                   std::vector<size_t> & places) const {
    const llama_vocab * vocab = llama_model_get_vocab(model_.get());
    encode_across(
        text, borders, begins, text.size(),
        [&](std::string_view part, bool part_begins, std::vector<int32_t> & to) { append(to, by_libllama(part, part_begins)); },
        [&](int32_t token) { return is_special(vocab, token); }, out, places);
}

void tokenizer::encode(std::string_view text, const std::vector<text_range> & literal, std::span<const size_t> borders, bool begins, word_cache * cache,
                       std::vector<int32_t> & out, std::vector<size_t> & places) const {
    if (!splits_marks_ || (cache == nullptr && literal.empty())) {
        encode_by_libllama(text, borders, begins, out, places);
        return;
    }
    mark_room    own_room;
    bool         certain = true;
    const auto & parts   = marks_->split(text, literal, borders, certain, cache != nullptr ? cache->marks : own_room);
    if (!certain && literal.empty()) {
        encode_by_libllama(text, borders, begins, out, places);
        return;
    }
    bool   after_mark = begins;
    size_t next       = 0; // border
    for (const text_part & part : parts) {
        for (; next < borders.size() && borders[next] <= part.begin; ++next) {
            places.push_back(out.size());
        }
        size_t last = next;
        while (last < borders.size() && borders[last] < part.end) {
            ++last;
        }
        if (part.token >= 0) {
            out.push_back(part.token);
        } else if (last == next) {
            encode_plain(text.substr(part.begin, part.end - part.begin), after_mark, cache, out);
        } else {
            std::vector<size_t> inside(borders.begin() + static_cast<std::ptrdiff_t>(next), borders.begin() + static_cast<std::ptrdiff_t>(last));
            for (size_t & border : inside) {
                border -= part.begin;
            }
            // Where libllama reads, a text that is cut may get a prefix of its own: then none is cut.
            encode_across(
                text.substr(part.begin, part.end - part.begin), inside, after_mark, is_own() ? border_reach : part.end - part.begin,
                [&](std::string_view plain, bool spaced, std::vector<int32_t> & to) { encode_plain(plain, spaced, cache, to); },
                [](int32_t) { return false; }, out, places);
            next = last;
        }
        after_mark = part.token >= 0;
    }
    places.resize(borders.size(), out.size());
}

/// A text without marks. after_mark: SentencePiece may put a space before it.
void tokenizer::encode_plain(std::string_view text, bool after_mark, word_cache * cache, std::vector<int32_t> & out) const {
    const size_t before = out.size();
    if (cache != nullptr && is_utf8(text)) {
        if (spm_) {
            const bool spaced = after_mark && plain_;
            if (spaced) {
                cache->text.assign(" ").append(text);
            }
            encode_words(
                spaced ? cache->text : text, *cache, out, [&](std::string_view t, size_t from) { return spm_->next(t, from); },
                [&](std::string_view word, std::vector<int32_t> & made) {
                    spm_->encode(word, cache->room, cache->escaped, made);
                    return true;
                });
            return;
        }
        if (chars_) {
            encode_words(
                text, *cache, out, [&](std::string_view t, size_t from) { return chars_->next(t, from); },
                [&](std::string_view word, std::vector<int32_t> & made) {
                    chars_->encode(word, cache->room, cache->escaped, made);
                    return true;
                });
            return;
        }
        if (bpe_ && encode_words(
                        text, *cache, out, [&](std::string_view t, size_t from) { return words_->next(t, from); },
                        [&](std::string_view word, std::vector<int32_t> & made) { return bpe_->encode(word, cache->room, made); })) {
            return;
        }
    }
    out.resize(before);
    append(out, tokens_of(after_mark || !plain_ ? *model_ : *plain_, text, false));
}

bool tokenizer::wants_bos(const std::vector<int32_t> & tokens) const {
    return add_bos_ && bos_ >= 0 && (tokens.empty() || tokens.front() != bos_);
}

std::vector<int32_t> tokenizer::begin(std::string_view text, word_cache * cache) const {
    std::vector<int32_t> tokens;
    std::vector<size_t>  places;
    encode(text, {}, {}, true, cache, tokens, places);
    if (wants_bos(tokens)) {
        tokens.insert(tokens.begin(), bos_);
    }
    return tokens;
}

std::vector<int32_t> tokenizer::go_on(std::string_view text, word_cache * cache) const {
    std::vector<int32_t> tokens;
    std::vector<size_t>  places;
    encode(text, {}, {}, false, cache, tokens, places);
    return tokens;
}

std::vector<uint32_t> tokenizer::row(const std::vector<segment> & segments, word_cache * cache) const {
    std::vector<uint32_t> words;
    add_row(segments, cache, words);
    return words;
}

size_t tokenizer::add_row(const std::vector<segment> & segments, word_cache * cache, std::vector<uint32_t> & words) const {
    row_room own_room;
    auto & [text, tokens, literal, borders, places] = cache != nullptr ? cache->row : own_room;
    text.clear();
    tokens.clear();
    literal.clear();
    borders.clear();
    places.clear();
    bool first_supervised = false, supervised = false;
    for (const segment & s : segments) {
        if (s.text.empty()) {
            continue;
        }
        if (text.empty()) {
            first_supervised = s.supervised;
        } else if (s.supervised != supervised) {
            borders.push_back(text.size());
        }
        supervised = s.supervised;
        if (s.literal) {
            literal.push_back({text.size(), text.size() + s.text.size()});
        }
        text += s.text;
    }
    if (text.empty()) {
        return 0;
    }
    encode(text, literal, borders, true, cache, tokens, places);
    const size_t before = words.size();
    if (wants_bos(tokens)) {
        words.push_back(static_cast<uint32_t>(bos_));
    }
    supervised  = first_supervised;
    size_t next = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
        for (; next < places.size() && places[next] <= i; ++next) {
            supervised = !supervised;
        }
        words.push_back(static_cast<uint32_t>(tokens[i]) | (supervised ? supervised_bit : 0u));
    }
    if (words.size() > before) {
        words[before] &= ~supervised_bit;
    }
    return words.size() - before;
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
