// Rows become tokens as inference would make them, on both kinds of tokenizer.
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "base/random.hpp"
#include "data/token-file.hpp"
#include "data/row-line.hpp"
#include "data/tokenize-job.hpp"
#include "data/tokenizer.hpp"
#include "fixtures/tiny-model.hpp"
#include "fixtures/tiny-tokenizer.hpp"
#include "llama.h"
#include "support/expect-error.hpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja;
using namespace forja::test;
namespace fx = forja::fixtures;

namespace {

std::string text_of(const tokenizer & tok, const std::vector<uint32_t> & words, bool only_supervised = false) {
    std::string text;
    for (const uint32_t word : words) {
        if (!only_supervised || is_supervised(word)) {
            text += tok.piece(token_id(word));
        }
    }
    return text;
}

std::vector<int32_t> ids(const std::vector<uint32_t> & words) {
    std::vector<int32_t> out;
    for (const uint32_t word : words) {
        out.push_back(token_id(word));
    }
    return out;
}

/// libllama's own answer, as a chat program would ask for it.
std::vector<int32_t> by_libllama(const std::string & path, const std::string & text) {
    llama_model_params params = llama_model_default_params();
    params.vocab_only         = true;
    llama_model *        m    = llama_model_load_from_file(path.c_str(), params);
    std::vector<int32_t> out(text.size() + 8);
    out.resize(static_cast<size_t>(llama_tokenize(llama_model_get_vocab(m), text.data(), static_cast<int32_t>(text.size()), out.data(),
                                                  static_cast<int32_t>(out.size()), true, true)));
    llama_model_free(m);
    return out;
}

void test_rows(const std::string & kind, const std::string & path, bool space_prefix, bool bos) {
    const tokenizer   tok(path);
    const std::string prompt = "<|im_start|>user\nthe user and  the assistant, ¿qué? 漢字<|im_end|>\n<|im_start|>assistant\n";
    const std::string answer = "and then the rest of it.<|im_end|>";
    const auto        words  = tok.row({{prompt, false}, {answer, true}, {"\n", false}});

    const auto prompt_ids = by_libllama(path, prompt);
    const auto row_ids    = ids(words);
    check(row_ids.size() > prompt_ids.size() && std::equal(prompt_ids.begin(), prompt_ids.end(), row_ids.begin()),
          kind + ": the row begins with the prompt's tokens as libllama makes them");
    check(text_of(tok, words, true) == answer, kind + ": the supervised pieces are the answer's text, no space before it");

    // SentencePiece puts a space before a text that follows a special token, at inference too.
    std::string whole = prompt + answer + "\n", seen = text_of(tok, words);
    if (bos) {
        seen = seen.substr(std::string("<s>").size());
    }
    if (space_prefix) {
        whole = "<|im_start|> user\nthe user and  the assistant, ¿qué? 漢字<|im_end|> \n<|im_start|> assistant\n" + answer + " \n";
    }
    check(seen == whole, kind + ": the pieces together give the text back");
    check(ids(tok.row({{"the ", false}, {"user", false}, {" and", true}})) == ids(tok.row({{"the user", false}, {" and", true}})),
          kind + ": neighbours of a kind are tokenised together");
    check((ids(tok.row({{"a", true}})).front() == fx::token_bos) == bos, kind + ": BOS as the vocabulary says");
    check(tok.row({{"<s>a", true}}).size() == tok.row({{"a", true}}).size() + (bos ? 0 : 1), kind + ": a BOS in the text is not doubled");
    check(!is_supervised(tok.row({{"the user", true}}).front()), kind + ": the first token is never learnt");
    check(tok.row({}).empty() || bos, kind + ": no segments, no tokens");

    const auto continued = tok.row({{"the", false}, {"user<|im_end|>and", true}});
    check(text_of(tok, continued, true) == (space_prefix ? "user<|im_end|> and" : "user<|im_end|>and"),
          kind + ": a text after a special token is as at inference");
}

/// Texts of everything that could matter where a text is cut into words.
void test_word_cache(const std::string & kind, const tokenizer & tok) {
    const std::vector<std::string> parts = {" ", " ", " ", "  ", "\n", "\n\n", " \n", "\t", ".", ",", "!", "'s", "'", "(", ")", "3", "12345", "-", "%", "the", "user", "assistant",
                                            "a", "qué", "año", "Él", "×", "÷", "漢字", "\u3000", "\u00a0", "é", "🙂", "<|im_start|>", "<|im_end|>", "</s>", "<s>", "|", ">", "]", "un", "re"};
    word_cache cache;
    bool       same = true;
    for (uint64_t i = 0; i < 3000 && same; ++i) {
        std::vector<segment> segments;
        for (uint64_t k = 0; k < 3; ++k) {
            std::string text;
            for (uint64_t j = 0; j < 1 + mix64(i * 7 + k) % 25; ++j) {
                text += parts[mix64(i * 1000 + k * 100 + j) % parts.size()];
            }
            segments.push_back({text, k == 1});
        }
        same = tok.row(segments) == tok.row(segments, &cache);
        if (!same) {
            std::printf("differs: [%s][%s][%s]\n", segments[0].text.c_str(), segments[1].text.c_str(), segments[2].text.c_str());
        }
    }
    check(same, kind + ": words seen before give the same tokens as libllama");
}

void test_sample_model() {
    const char * path = std::getenv("FORJA_SAMPLE_MODEL");
    if (path == nullptr) {
        std::printf("skip the sample model: FORJA_SAMPLE_MODEL is not set\n");
        return;
    }
    const tokenizer tok(path);
    test_word_cache("sample model", tok);
    const std::string prompt = "<|im_start|>user\n¿Cuánto es 2+2?  \n\n<|im_end|>\n<|im_start|>assistant\n";
    const auto        words  = tok.row({{prompt, false}, {"Son 4 — «cuatro».<|im_end|>", true}, {"\n", false}});
    check(text_of(tok, words) == prompt + "Son 4 — «cuatro».<|im_end|>\n", "sample model: the pieces together give the text back");
    const auto prompt_ids = by_libllama(path, prompt);
    const auto row_ids    = ids(words);
    check(std::equal(prompt_ids.begin(), prompt_ids.end(), row_ids.begin()), "sample model: the prompt's tokens are libllama's");
}

void test_job(const temporary_folder & dir, const std::string & model) {
    // Enough rows for several batches, of which every third is a copy.
    std::stringstream rows;
    const int         n = 9000;
    for (int i = 0; i < n; ++i) {
        const int k = i % 3 == 2 ? i - 1 : i;
        rows << R"({"row":)" << i + 1 << R"(,"segments":[["<|im_start|>user\nthe user )" << k << R"(<|im_end|>\n",0],["the answer )" << k << "\",1]]}\n";
    }
    rows << R"({"row":9001,"segments":[["no answer",0]]})" << "\n\n" << R"({"segments":[["a",false],["b",true]]})" << "\n";
    tokenize_settings o{model, dir.path("rows.fjt"), 12, 3};
    const auto       r    = tokenize_rows(o, rows, {});
    const auto       file = token_file::open(o.output_path);
    const tokenizer  tok(model);
    check(r.rows == n + 2 && file->n_rows() == r.rows && file->n_tokens() == r.tokens && file->n_supervised() == r.supervised_tokens, "job: counts");
    bool in_order = true;
    for (uint64_t i = 0; i < n; ++i) {
        in_order = in_order && file->row(i).source_row == i + 1;
    }
    check(in_order && file->row(n + 1).source_row == n + 3, "job: rows keep their order and line numbers");
    const token_row        one = file->row(4);
    const std::vector<uint32_t> words(one.tokens, one.tokens + one.n_tokens);
    check(words == tok.row({{"<|im_start|>user\nthe user 4<|im_end|>\n", false}, {"the answer 4", true}}), "job: a row's tokens");
    check(r.truncated_rows == n && r.empty_rows == n + 1, "job: truncated rows and rows with nothing to learn");
    uint64_t counted = 0;
    for (const auto & [bound, count] : r.length_histogram) {
        counted += count;
    }
    check(counted == r.rows && r.max_tokens >= r.p95_tokens && r.p95_tokens >= r.median_tokens && r.median_tokens > 12, "job: lengths");
    std::stringstream again(rows.str());
    o.output_path = dir.path("again.fjt");
    o.threads     = 1;
    tokenize_rows(o, again, {});
    std::ifstream a(dir.path("rows.fjt"), std::ios::binary), b(o.output_path, std::ios::binary);
    std::stringstream bytes_a, bytes_b;
    bytes_a << a.rdbuf();
    bytes_b << b.rdbuf();
    check(bytes_a.str() == bytes_b.str(), "job: any number of threads gives the same file");

    // Plain text becomes several rows of its own tokens; without the mark it stays one.
    const std::string text = "the user said. " + std::string(40, 'x') + " the answer is that the user\n";
    const auto        whole = tok.row({{text, true}});
    for (const bool windows : {true, false}) {
        std::stringstream in(R"({"row":5,"segments":[[)" + nlohmann::json(text).dump() + (windows ? R"(,1]],"windows":1})" : R"(,1]]})"));
        o.output_path   = dir.path("windows.fjt");
        const auto w    = tokenize_rows(o, in, {});
        const auto rows = token_file::open(o.output_path);
        uint64_t   n    = 0;
        for (uint64_t i = 0; i < rows->n_rows(); ++i) {
            n += rows->row(i).n_tokens;
        }
        check(n == w.tokens && w.tokens - w.repeated_tokens == whole.size() && rows->row(rows->n_rows() - 1).source_row == 5, "job: a text's tokens are all there");
        check(windows ? w.windowed_rows == 1 && w.rows > 2 && w.truncated_rows == 0 && w.lost_tokens == 0 && w.supervised_tokens == whole.size() - 1
                      : w.windowed_rows == 0 && w.rows == 1 && w.truncated_rows == 1 && w.lost_tokens == whole.size() - 12 && w.lost_supervised_tokens == w.lost_tokens,
              "job: what lies beyond max_seq_len is lost, or in the next row");
    }

    // The quick reader of lines and the parser behind it answer alike.
    const std::vector<std::pair<std::string, std::string>> same = {
        {R"({"row":7,"segments":[["a \"b\" \\ \/\n\r\t ñ",0],["c",1,1],["",1,0]]})", R"( {"segments": [["a \u0022b\u0022 \u005c /\u000a\u000d\u0009 \u00f1", false], ["c", true, true], ["", 1, 0]], "row": 7})"},
        {R"({"row":0,"segments":[]})", R"({"row": 0, "segments": []})"},
        {R"({"row":0,"segments":[["a",1]],"windows":1})", R"({"row": 0, "windows": true, "segments": [["a", 1]]})"}};
    for (const auto & [quick, slow] : same) {
        const row_line a = parse_row_line(quick, 3), b = parse_row_line(slow, 3);
        bool           equal = a.source_row == b.source_row && a.windows == b.windows && a.segments.size() == b.segments.size();
        for (size_t i = 0; equal && i < a.segments.size(); ++i) {
            equal = a.segments[i].text == b.segments[i].text && a.segments[i].supervised == b.segments[i].supervised && a.segments[i].literal == b.segments[i].literal;
        }
        check(equal, "job: a line is read the same in either way of writing it");
    }

    const std::vector<std::string> bad = {"{", "[]", R"({"row":1})", R"({"row":1,"segments":[["a"]]})", R"({"row":1,"segments":[[1,1]]})",
                                          R"({"row":"x","segments":[]})", "{\"row\":1,\"segments\":[[\"\xff\",1]]}", R"({"row":1,"segments":[["a",1],]})",
                                          R"({"row":01,"segments":[["a",1]]})", R"({"row":1,"segments":[["a",1]]}x)", R"({"row":1,"segments":[["a\x",1]]})", "{\"row\":1,\"segments\":[[\"\n\",1]]}"};
    o.output_path = dir.path("bad.fjt");
    for (const std::string & line : bad) {
        std::stringstream in(R"({"row":1,"segments":[["a",1]]})" "\n" + line + "\n");
        std::string       number;
        try {
            tokenize_rows(o, in, {});
        } catch (const error & e) {
            number = e.code == "rows_invalid" ? e.details.at("line") : e.code;
        }
        check(number == "2" && !std::filesystem::exists(o.output_path), "job: line 2 is refused by number, and no file is left");
    }
}

} // namespace

int main() {
    const temporary_folder dir;
    fx::model_options      o;
    for (const auto kind : {fx::tokenizer_kind::bpe, fx::tokenizer_kind::spm}) {
        o.tokenizer            = kind;
        const bool spm         = kind == fx::tokenizer_kind::spm;
        o.variant              = "llama"; // with BOS
        const std::string llama = dir.path("llama.gguf");
        fx::write_tiny_model(o, llama);
        test_rows(spm ? "spm, bos" : "bpe, bos", llama, spm, true);
        test_word_cache(spm ? "spm" : "bpe", tokenizer(llama));
        test_job(dir, llama);
        o.variant              = "qwen2"; // without
        const std::string qwen = dir.path("qwen.gguf");
        fx::write_tiny_model(o, qwen);
        test_rows(spm ? "spm" : "bpe", qwen, spm, false);
    }
    check_fails("file_not_found", "a missing model", [&] { tokenizer tok(dir.path("none.gguf")); });
    test_sample_model();
    return result();
}
