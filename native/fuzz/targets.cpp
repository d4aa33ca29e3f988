#include "targets.hpp"

#include <fstream>
#include <iterator>
#include <new>
#include <sstream>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "commands.hpp"
#include "data/row-line.hpp"
#include "data/tokenizer.hpp"
#include "data/vocab.hpp"
#include "export/adapter-gguf.hpp"
#include "export/export.hpp"
#include "fixtures/tiny-model.hpp"
#include "gguf/gguf-file.hpp"
#include "job.hpp"
#include "model/model.hpp"
#include "peft/method.hpp"
#include "train/checkpoint.hpp"
#include "train/evaluate.hpp"

namespace forja::fuzz {

namespace fx = forja::fixtures;

namespace {

constexpr int context = 64;

std::vector<std::string> models() {
    const std::vector<std::pair<const char *, ggml_type>> kinds = {{"llama", GGML_TYPE_Q4_0}, {"qwen2-yarn", GGML_TYPE_F16}, {"qwen3", GGML_TYPE_Q8_0},
                                                                   {"gemma3", GGML_TYPE_Q4_0}, {"phi3-longrope", GGML_TYPE_BF16}, {"llama3", GGML_TYPE_Q5_1}};
    std::vector<std::string> out;
    for (const auto & [variant, type] : kinds) {
        fx::model_options o;
        o.variant   = variant;
        o.type      = type;
        o.n_layer   = 1;
        o.tokenizer = out.size() % 2 ? fx::tokenizer_kind::spm : fx::tokenizer_kind::bpe;
        const std::string path = workshop::get().path("seed.gguf");
        fx::write_tiny_model(o, path);
        std::ifstream in(path, std::ios::binary);
        out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return out;
}

/// Inspect, then what training and exporting do with a model. What is refused at one place may pass at another.
std::string run_model(std::string_view bytes) {
    static event_writer out;
    const std::string   path = place("model.gguf", bytes);
    std::string code = code_of([&] { inspect_command({{"model_path", path}}, out); });
    const auto  keep = [&](const std::string & next) { code = code.empty() ? next : code; };
    std::shared_ptr<gguf_file> file;
    keep(code_of([&] { file = gguf_file::open(path); }));
    if (!file) {
        return code;
    }
    bool loads = false;
    keep(code_of([&] {
        model::load(file, device::open("cpu", 1), context, true);
        loads = true;
    }));
    if (loads) {
        keep(code_of([&] { // a pass through the whole model
            const auto        vocab = identify_vocab(*file);
            token_file_writer tokens(workshop::get().path("score.fjt"), vocab.n_vocab, vocab.vocab_hash);
            std::vector<uint32_t> words;
            for (uint32_t t = 0; t < 6; ++t) {
                words.push_back((vocab.n_vocab > 0 ? t * 53 % vocab.n_vocab : 0) | (t > 1 ? supervised_bit : 0));
            }
            tokens.add_row(words.data(), words.size(), 0);
            tokens.finish();
            score_settings s;
            s.model_path   = path;
            s.tokens_path  = workshop::get().path("score.fjt");
            s.max_seq_len  = context;
            s.threads      = 1;
            s.compute_type = "f32";
            run_score(s, {});
        }));
    }
    const uint64_t way = fnv1a(bytes.data(), bytes.size(), fnv1a_start);
    keep(code_of([&] {
        export_settings o;
        o.model_path   = path;
        o.adapter_path = workshop::get().adapter;
        o.output_path  = workshop::get().path(way % 3 == 2 ? "peft" : "exported.gguf");
        o.format       = way % 3 == 2 ? "peft" : "gguf";
        o.output_type  = way % 3 == 1 ? "q8_0" : "same";
        o.overwrite    = true;
        o.threads      = 1;
        run_export(o);
    }));
    if (loads && way % 8 == 0) {
        keep(code_of([&] {
            const tokenizer tok(path);
            tok.row({{"a prompt", false, false}, {" its answer <|im_end|>", true, true}});
        }));
    }
    return code;
}

std::vector<std::string> jobs() {
    return {R"({"protocol_major":1,"type":"inspect","model_path":"base.gguf"})",
            R"({"protocol_major":1,"type":"train","model_path":"m.gguf","train_tokens_path":"t.fjt","val_tokens_path":null,"out_dir":"out","method":"lora","lora_rank":8,"lora_alpha":16,"lora_dropout":0.1,"use_rslora":false,"target_modules":["q","v"],"learning_rate":0.0002,"weight_decay":0,"warmup_ratio":0.03,"micro_batch_size":2,"gradient_accumulation_steps":4,"max_seq_len":512,"epochs":1.5,"max_steps":-1,"seed":42,"device":"cpu","threads":2,"resume_path":null})",
            R"({"protocol_major":1,"type":"export","model_path":"m","adapter_path":"a","format":"gguf","output_type":"same","output_path":"o","overwrite":true,"threads":0})",
            R"({"protocol_major":1,"type":"verify","model_path":"m","adapter_path":"a","exported_path":"e","format":"gguf","tokens_path":"t","max_rows":3,"max_tokens":99,"max_seq_len":64,"threads":1,"device":"cpu"})",
            R"({"protocol_major":1,"type":"tokenize","model_path":"m","output_path":"o.fjt","max_seq_len":64,"dataset_rows":0})"};
}

std::string run_job_file(std::string_view bytes) {
    const std::string path = place("job.json", bytes);
    return code_of([&] { read_job(path); });
}

std::vector<std::string> token_files() { return {workshop::get().token_bytes}; }

std::string run_tokens(std::string_view bytes) {
    static const vocab_identity vocab = identify_vocab(*gguf_file::open(workshop::get().model));
    const std::string           path  = place("rows.fjt", bytes);
    return code_of([&] {
        const auto file = token_file::open(path);
        file->require_vocab(vocab.n_vocab, vocab.vocab_hash);
        const row_set rows(file, context);
        rows.most_tokens(2);
        micro_batch mb;
        for (int64_t i = 0; i < std::min<int64_t>(rows.count(), 1000); ++i) {
            rows.append(mb, i);
        }
    });
}

const model & base() {
    static const auto loaded = model::load(gguf_file::open(workshop::get().model), device::open("cpu", 1), context, false);
    return *loaded;
}

std::vector<std::string> adapters() { return {workshop::get().adapter_gguf_bytes}; }

std::string run_adapter(std::string_view bytes) {
    const std::string path = place("adapter.gguf", bytes);
    std::string       code = code_of([&] { method_from_saved(read_tuning(path), base(), false); });
    const uint64_t    way  = fnv1a(bytes.data(), bytes.size(), fnv1a_start);
    const std::string next = code_of([&] {
        export_settings o;
        o.model_path   = workshop::get().model;
        o.adapter_path = path;
        o.format       = way % 3 == 0 ? "peft" : way % 3 == 1 ? "gguf-adapter" : "gguf";
        o.output_path  = workshop::get().path(way % 3 == 0 ? "peft" : "exported.gguf");
        o.overwrite    = true;
        o.threads      = 1;
        run_export(o);
    });
    return code.empty() ? next : code;
}

std::vector<std::string> states() { return {workshop::get().state_bytes}; }

std::string run_state_file(std::string_view bytes) {
    static const auto method = method_from_saved(read_tuning(workshop::get().adapter), base(), true);
    place("checkpoint/state.gguf", bytes);
    return code_of([&] {
        read_checkpoint_state(workshop::get().path("checkpoint"));
        load_checkpoint(workshop::get().path("checkpoint"), *method);
    });
}

std::vector<std::string> row_lines() {
    return {R"({"row":1,"segments":[["a prompt <|im_start|>",0],["its answer\n",1,1]]})", R"({"row":2,"segments":[["ñandú 模型 👍🏽",1],["",0]]})",
            R"({"segments":[["x",true,false]],"row":9})"};
}

std::string run_row(std::string_view bytes) {
    static const tokenizer tok(workshop::get().model);
    return code_of([&] {
        const row_line row = parse_row_line(bytes, 1);
        tok.row(row.segments);
    });
}

} // namespace

std::string code_of(const std::function<void()> & work) {
    try {
        work();
    } catch (const error & e) {
        if (e.code.empty() || e.code == "internal" || std::string(e.what()).empty()) {
            throw finding("an error with the code '" + e.code + "': " + e.what());
        }
        return e.code;
    } catch (const std::bad_alloc &) {
        throw finding("more memory was asked for than is allowed");
    } catch (const std::exception & e) {
        throw finding(std::string("an exception without a code: ") + e.what());
    }
    return "";
}

const std::vector<target> & targets() {
    static const std::vector<target> list{
        {"model", "a model file through inspect, load, a pass, export and its tokenizer", models, mutate_gguf, run_model},
        {"adapter", "an adapter file through scoring's loader and the exports", adapters, mutate_gguf, run_adapter},
        {"checkpoint", "state.gguf of a checkpoint, on resuming", states, mutate_gguf, run_state_file},
        {"tokens", "a token file, every row of it", token_files, mutate_bytes, run_tokens},
        {"job", "a job file", jobs, mutate_json, run_job_file},
        {"row", "a line of rows on its way to the tokenizer", row_lines, mutate_json, run_row},
    };
    return list;
}

const target * find_target(const std::string & name) {
    for (const target & t : targets()) {
        if (name == t.name) {
            return &t;
        }
    }
    return nullptr;
}

} // namespace forja::fuzz
