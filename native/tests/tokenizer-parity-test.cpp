// Our own encoders against libllama on texts of every kind, for the vocabularies that come with llama.cpp's source and for every
// pre-tokeniser that word_splitter knows. Any difference is a defect: the model would learn other tokens than it is asked with.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "data/tokenizer.hpp"
#include "data/vocab.hpp"
#include "data/token-file.hpp"
#include "gguf.h"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja;
using namespace forja::test;

namespace {

void put(std::string & out, uint32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xC0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xE0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    }
}

class dice {
  public:
    explicit dice(uint64_t seed) : seed_(seed) {}
    uint64_t below(uint64_t n) { return mix64(seed_ + ++count_ * 0x9E3779B97F4A7C15ULL) % n; }

  private:
    uint64_t seed_, count_ = 0;
};

/// Words, code, numbers, white space, contractions, and letters, digits and signs of many scripts, side by side at random.
std::string mixed_text(dice & d) {
    static const std::vector<std::pair<uint32_t, uint32_t>> scripts = {
        {'a', 26},   {'a', 26},     {'A', 26},     {'0', 10},     {0xC0, 0x180}, {0x391, 58},   {0x410, 64},   {0x5D0, 27},   {0x621, 42},  {0x660, 10},
        {0x900, 80}, {0xE01, 58},   {0x300, 40},   {0x1E00, 256}, {0x2010, 40},  {0x2460, 60},  {0x3041, 160}, {0x4E00, 5000}, {0xAC00, 900}, {0x1F300, 700},
        {'!', 15},   {0x2190, 100}, {0xFF01, 94},  {0x1D400, 60}, {0x10400, 60}};
    static const std::vector<std::string> pieces = {
        " ", " ", " ", "  ", "    ", "\n", "\n\n", " \n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", "\x0b", "\x1c", "'s", "'S", "'t", "'re", "'LL", "'Ve", "'m", "'d", "'", "''",
        "n't", "the", "The", "THE", " of", "and", "ing", "return ", "int", "();", "{}", "=>", "//", "/*", "*/", "https://", ".com", "<s>", "</s>", "<|im_start|>", "<|im_end|>",
        "<|endoftext|>", "<|x|>", "[INST]", "<0x0A>", "▁", "▁▁", "\u200d", "\ufe0f", "½", "1,000", "3.14", "\x01", "\x7f", "¿", "…", "—", "“", "”", "/", "//\n", "HTTPServer", "iPhone", "éA", "Aé"};
    std::string out;
    for (uint64_t i = 0, n = 1 + d.below(40); i < n; ++i) {
        if (d.below(3) == 0) {
            out += pieces[d.below(pieces.size())];
            continue;
        }
        const auto [first, count] = scripts[d.below(scripts.size())];
        for (uint64_t k = 0, length = 1 + d.below(d.below(8) == 0 ? 30 : 6); k < length; ++k) {
            put(out, first + static_cast<uint32_t>(d.below(count)));
        }
        out += d.below(2) == 0 ? " " : "";
    }
    return out;
}

void compare(const std::string & what, const tokenizer & tok, const std::vector<std::string> & texts) {
    word_cache  cache;
    std::string differs;
    for (const std::string & text : texts) {
        const auto begun = tok.begin(text), gone_on = tok.go_on(text); // libllama takes most of this test's time
        for (int round = 0; round < 2 && differs.empty(); ++round) {   // the second time words come from the cache
            if (tok.begin(text, &cache) != begun || tok.go_on(text, &cache) != gone_on) {
                differs = text;
            }
        }
    }
    check(differs.empty(), what + ": the same tokens as libllama" + (differs.empty() ? "" : ", but not for [" + differs + "]"));
}

std::vector<std::string> mixed_texts(uint64_t seed, int n) {
    dice                     d(seed);
    std::vector<std::string> texts;
    for (int i = 0; i < n; ++i) {
        texts.push_back(mixed_text(d));
    }
    return texts;
}

/// Every character of the planes in use, each before and after characters of other kinds.
std::vector<std::string> all_characters() {
    dice                     d(3);
    static const char *      between[] = {"", "", " ", "a", "B", "7", ".", "\t", "' ", "'s", "\n", "/"};
    std::vector<std::string> texts(1);
    for (uint32_t c = 1; c < 0x20000; ++c) {
        if (c >= 0xD800 && c < 0xE000) {
            continue;
        }
        put(texts.back(), c);
        texts.back() += between[d.below(std::size(between))];
        if (texts.back().size() > 200) {
            texts.emplace_back();
        }
    }
    return texts;
}

std::vector<std::string> odd_texts() {
    return {"",
            std::string("nul\0in\0side", 11),
            "bad \xff bytes \xc3( \xe2\x82 \xf0\x9f\x98 \xc0\xaf \xed\xa0\x80 end\x80",
            std::string(3000, ' ') + "x" + std::string(500, '\n') + std::string(2000, 'a') + std::string(700, '1') + std::string(900, '!'),
            [] {
                std::string long_word;
                dice        d(9);
                for (int i = 0; i < 2000; ++i) {
                    put(long_word, d.below(2) == 0 ? 0x4E00 + static_cast<uint32_t>(d.below(3000)) : 'a' + static_cast<uint32_t>(d.below(26)));
                }
                return long_word;
            }(),
            [] { // a run of numbers that are digits and others
                std::string numbers = "a ";
                dice        d(10);
                for (int i = 0; i < 900; ++i) {
                    put(numbers, d.below(5) > 0 ? '0' + static_cast<uint32_t>(d.below(10)) : d.below(9) > 0 ? 0xBDu : ' ');
                }
                return numbers + "x";
            }()};
}

std::string with_pre(const std::string & vocabulary, const std::string & pre, const std::string & path) {
    gguf_context * ctx = gguf_init_from_file(vocabulary.c_str(), {true, nullptr});
    gguf_set_val_str(ctx, "tokenizer.ggml.pre", pre.c_str());
    gguf_write_to_file(ctx, path.c_str(), true);
    gguf_free(ctx);
    return path;
}

std::string text_of(const tokenizer & tok, const std::vector<uint32_t> & words) {
    std::string text;
    for (const uint32_t word : words) {
        text += tok.piece(token_id(word));
    }
    return text;
}

/// What a person wrote is text, whatever it looks like; the template's own marks are not.
void test_literal(const std::string & what, const tokenizer & tok, const std::string & open, const std::string & close) {
    const std::string said = "is " + close + " the end, or " + open + "? ";
    const auto        row  = [&](const std::string & text, bool literal, word_cache * cache) {
        return tok.row({{open, false, false}, {text, false, literal}, {close, false, false}, {text, true, literal}, {close, true, false}}, cache);
    };
    const auto count_of = [&](const std::vector<uint32_t> & words, const std::string & mark) {
        const int32_t token = tok.go_on(mark).at(0);
        return std::count_if(words.begin(), words.end(), [&](uint32_t w) { return token_id(w) == token; });
    };
    word_cache cache;
    const auto words = row(said, true, &cache);
    check(count_of(words, open) == (open == close ? 3 : 1) && count_of(words, close) == (open == close ? 3 : 2), what + ": only the template's marks are marks");
    check(text_of(tok, words).find(close + " the end, or ") != std::string::npos, what + ": the text is whole");
    check(count_of(row(said, false, &cache), close) > 2, what + ": marks in a text that isn't literal are marks");
    check(row("Hello, ¿qué?\n\n", true, &cache) == row("Hello, ¿qué?\n\n", false, nullptr), what + ": texts without marks give the same tokens either way");
    // A mark is the template's only as a whole.
    check(count_of(tok.row({{close.substr(0, 1), false, false}, {close.substr(1), false, true}}, &cache), close) == 0, what + ": no mark is made of a template's and a person's half");
}

/// How families of models write two turns; %q and %a are a question and an answer, | is a border between given and learnt.
const std::vector<std::string> turn_shapes = {
    "<|user|>\n%q<|end|>\n<|assistant|>\n|%a<|end|>|\n<|user|>\n%q<|end|>\n<|assistant|>\n|%a<|end|>|\n", // Phi 3
    "<|user|>\n%q</s>\n<|assistant|>\n|%a</s>|\n<|user|>\n%q</s>\n<|assistant|>\n|%a</s>|\n",             // TinyLlama
    "<s>[INST] %q [/INST]| %a </s>|<s>[INST] %q [/INST]| %a </s>",                                       // Llama 2
    "[INST] %q [/INST]|%a</s>| [INST] %q [/INST]|%a</s>",                                                // Mistral 0.x
    "<|im_start|>user\n%q<|im_end|>\n<|im_start|>assistant\n|%a<|im_end|>|\n<|im_start|>user\n%q<|im_end|>\n<|im_start|>assistant\n|%a<|im_end|>|\n",
    "<|start_header_id|>user<|end_header_id|>\n\n%q<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n|%a<|eot_id|>|",
    "<bos><start_of_turn>user\n%q<end_of_turn>\n<start_of_turn>model\n|%a<end_of_turn>|\n",
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>%q<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>|%a<|END_OF_TURN_TOKEN|>|",
    "<｜User｜>%q<｜Assistant｜>|%a<｜end▁of▁sentence｜>|<｜User｜>%q<｜Assistant｜>|%a<｜end▁of▁sentence｜>",
    "### Instruction:\n%q\n\n### Response:\n|%a</s>|",
    "User: %q\n\nAssistant:| %a\n\n|User: %q\n\nAssistant:| %a\n\n",
    "%q|%a|%q|%a", // nothing between them
};

std::vector<segment> row_of(const std::string & shape, dice & d) {
    static const std::vector<std::string> said = {
        "Hello there", "What is 2 + 2?", " spaces ", "\n\nlines\n", "  ", "\n", "'s", "12", "é", "▁", "今天", "🙂", "\tint x;\r\n", ".", "a", "\n    indented:\n        more\n"};
    std::vector<segment> segments(1);
    for (size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] == '|' && (i == 0 || shape[i - 1] != '<') && (i + 1 == shape.size() || shape[i + 1] != '>')) {
            segments.push_back({"", !segments.back().supervised, false});
        } else if (shape[i] == '%') {
            ++i;
            segments.back().text += d.below(3) == 0 ? mixed_text(d) : said[d.below(said.size())];
        } else {
            segments.back().text += shape[i];
        }
    }
    return segments;
}

/// A row is its text in one piece, as libllama reads it, wherever that begins with the tokens of the prompt alone; and where it
/// doesn't, generation's own prompt stands before the border.
void test_borders(const std::string & what, const tokenizer & tok) {
    dice        d(12);
    word_cache  cache;
    std::string differs;
    size_t      n_whole = 0, n_forced = 0;
    for (int i = 0; i < 240 && differs.empty(); ++i) {
        const auto           segments = row_of(turn_shapes[static_cast<size_t>(i) % turn_shapes.size()], d);
        std::string          text;
        std::vector<size_t>  places; // tokens before each border
        std::vector<int32_t> prompt;
        for (const segment & s : segments) {
            text += s.text;
        }
        const std::vector<int32_t> whole = tok.begin(text);
        size_t                     n     = 0;
        bool                       fits  = true;
        for (size_t k = 0; k + 1 < segments.size() && fits; ++k) {
            n += segments[k].text.size();
            prompt = tok.begin(std::string_view(text).substr(0, n));
            fits   = prompt.size() <= whole.size() && std::equal(prompt.begin(), prompt.end(), whole.begin());
            places.push_back(prompt.size());
        }
        (fits ? n_whole : n_forced) += 1;
        for (word_cache * with : {static_cast<word_cache *>(nullptr), &cache}) {
            const std::vector<uint32_t> words = tok.row(segments, with);
            std::vector<int32_t>        ids;
            for (const uint32_t word : words) {
                ids.push_back(token_id(word));
            }
            const bool begins = ids.size() >= prompt.size() && std::equal(prompt.begin(), prompt.end(), ids.begin());
            bool       same   = fits ? ids == whole : begins;
            for (size_t at = 1; fits && same && at < words.size(); ++at) {
                const auto before = std::count_if(places.begin(), places.end(), [&](size_t place) { return place <= at; });
                same              = is_supervised(words[at]) == (before % 2 == 1);
            }
            if (!same) {
                differs = text + (with == nullptr ? " (by libllama)" : "");
            }
        }
    }
    check(differs.empty(), what + ": rows have the tokens of their text in one piece (" + std::to_string(n_whole) + "), but for borders inside a token (" +
                               std::to_string(n_forced) + ")" + (differs.empty() ? "" : "; not [" + differs + "]"));
    check(n_whole >= 60, what + ": both kinds of rows occur");
}

} // namespace

int main() {
    const std::string      models = FORJA_LLAMA_MODELS;
    const temporary_folder dir;
    const auto             path_of = [&](const std::string & name) { return models + "/ggml-vocab-" + name + ".gguf"; };

    size_t n_vocabularies = 0;
    for (const auto & entry : std::filesystem::directory_iterator(models)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("ggml-vocab-") && name.ends_with(".gguf")) {
            const tokenizer tok(entry.path().string());
            test_borders(name, tok);
            check(adds_bos(*gguf_file::open(entry.path().string())) == (tok.bos() >= 0), name + ": BOS is put first by the same rules");
            ++n_vocabularies;
        }
    }
    check(n_vocabularies >= 15, "vocabularies of llama.cpp's source were found");
    for (const char * name : {"gpt-2", "llama-bpe", "qwen2", "qwen35", "llama-spm", "phi-3", "mpt", "starcoder", "baichuan", "falcon", "deepseek-coder", "gemma-4"}) {
        const tokenizer tok(path_of(name));
        check(tok.is_own(), std::string(name) + ": by our own encoder");
        compare(name, tok, mixed_texts(1, 250));
        compare(std::string(name) + ", odd texts", tok, odd_texts());
    }
    for (const char * name : {"deepseek-llm"}) {
        const tokenizer tok(path_of(name));
        check(!tok.is_own(), std::string(name) + ": a kind that isn't known is left to libllama");
        compare(name, tok, mixed_texts(2, 10));
    }
    for (const char * pre : {"gpt-2", "smollm", "llama-bpe", "dbrx", "qwen2", "qwen35", "tekken", "gpt-4o", "default", "falcon", "deepseek-coder", "deepseek-v3"}) {
        const tokenizer tok(with_pre(path_of("gpt-2"), pre, dir.path("pre.gguf")));
        check(tok.is_own(), std::string(pre) + ": by our own encoder");
        compare(pre, tok, mixed_texts(4, 150));
        compare(std::string(pre) + ", odd texts", tok, odd_texts());
    }
    // The patterns decide by the kind of every character.
    for (const char * pre : {"smollm", "llama-bpe", "qwen35", "default", "falcon", "deepseek-coder", "deepseek-v3"}) {
        compare(std::string(pre) + ", all characters", tokenizer(with_pre(path_of("gpt-2"), pre, dir.path("pre.gguf"))), all_characters());
    }
    test_literal("qwen2", tokenizer(path_of("qwen2")), "<|im_start|>", "<|im_end|>");
    test_literal("llama-spm", tokenizer(path_of("llama-spm")), "<s>", "</s>");
    test_literal("deepseek-coder", tokenizer(path_of("deepseek-coder")), "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>");
    return result();
}
