// Ten training steps against PyTorch, transformers and PEFT: reference/results/*.json, made by reference/train_reference.py.
//
// The base, the rows, the initial adapter and the order of rows are the same bits on both sides, so what differs is F32
// arithmetic: seen are 1e-6 in losses of 6 to 9 nats (F32 has 5e-7 there), 1e-6 in gradients and their norms, 5e-7 in the
// adapter after ten steps. The tolerances leave room for machines that sum in another order, and for AdamW, which divides a
// gradient by its own size: where it is near zero, rounding moves a parameter by up to a learning rate.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "fixtures/any-model.hpp"
#include "peft/lora.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/row-order.hpp"
#include "train/trainer.hpp"

using namespace forja;
using namespace forja::test;
using nlohmann::json;

namespace {

// FNV-1a over all tensors' bytes, as in the reference.
std::string tensors_fnv1a(const gguf_file & file) {
    uint64_t h = 0xcbf29ce484222325ull;
    for (const tensor_info & t : file.tensors()) {
        for (size_t i = 0; i < t.n_bytes; i++) {
            h = (h ^ t.data[i]) * 0x100000001b3ull;
        }
    }
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", (unsigned long long) h);
    return text;
}

void write_rows(const json & rows, const std::string & model_path, const std::string & path) {
    const vocab_identity vocab = identify_vocab(*gguf_file::open(model_path));
    token_file_writer    out(path, vocab.n_vocab, vocab.vocab_hash);
    for (size_t i = 0; i < rows.size(); i++) {
        const auto words = rows[i].get<std::vector<uint32_t>>();
        out.add_row(words.data(), words.size(), i + 1);
    }
    out.finish();
}

// Distance of a tensor from what the reference kept of it (length, sum, first values), over the length.
double summary_error(const std::vector<float> & values, const json & want, double unit) {
    double norm = 0, sum = 0, error = 0;
    for (float v : values) {
        norm += (double) v * v;
        sum += v;
    }
    error = std::max(error, std::fabs(std::sqrt(norm) - want["norm"].get<double>()) / unit);
    // A sum of n values carries the errors of all: sqrt(n) of one's size.
    error = std::max(error, std::fabs(sum - want["sum"].get<double>()) / unit / std::sqrt((double) values.size()));
    for (size_t i = 0; i < want["first"].size(); i++) {
        error = std::max(error, std::fabs(values[i] - want["first"][i].get<double>()) / unit);
    }
    return error;
}

// The fixture of a variant of tiny-model.hpp, or of any-model.hpp's list where that has none of the name.
std::string model_of(const temporary_folder & folder, const std::string & variant) {
    const auto variants = fixtures::variants();
    if (std::find(variants.begin(), variants.end(), variant) != variants.end()) {
        fixtures::model_options o;
        o.variant = variant;
        return fixture(folder, o);
    }
    const std::string path = folder.path(variant + ".gguf");
    for (const fixtures::any_model_options & o : fixtures::trainable_architectures()) {
        if (o.name() == variant) {
            fixtures::write_any_model(o, path);
        }
    }
    return path;
}

void run_case(const temporary_folder & folder, const std::string & variant, const json & rows, const json & c) {
    const std::string model_path = model_of(folder, variant), name = variant + " " + c.value("method", "lora") + " " + c["name"].get<std::string>();
    const std::string tokens     = folder.path("rows.fjt"), start = folder.path("start.gguf");

    train_settings s;
    s.model_path                  = model_path;
    s.train_tokens_path           = tokens;
    s.method.init_adapter_path    = start;
    s.out_dir                     = folder.path("out");
    s.method.method               = c.value("method", "lora");
    s.method.lora_rank            = c["lora_rank"];
    s.method.lora_alpha           = c["lora_alpha"];
    s.method.use_rslora           = c["use_rslora"];
    s.method.target_modules       = c["target_modules"].get<std::vector<std::string>>();
    s.learning_rate               = c["learning_rate"];
    s.adamw.weight_decay          = c["weight_decay"];
    s.adamw.adam_beta1            = c["adam_beta1"];
    s.adamw.adam_beta2            = c["adam_beta2"];
    s.adamw.adam_epsilon          = c["adam_epsilon"];
    s.adamw.max_grad_norm         = c["max_grad_norm"];
    s.lr_scheduler                = c["lr_scheduler"];
    s.warmup_steps                = c["warmup_steps"];
    s.micro_batch_size            = c["micro_batch_size"];
    s.gradient_accumulation_steps = c["gradient_accumulation_steps"];
    s.max_seq_len                 = c["max_seq_len"];
    s.max_steps                   = c["max_steps"];
    s.seed                        = c["seed"];
    s.threads                     = 1;
    s.compute_type                = "f32";
    write_rows(rows, model_path, tokens);

    // The first step's gradients, tensor by tensor.
    auto                     base   = open_model(model_path, s.max_seq_len);
    std::unique_ptr<method>  tuning = make_method(s.method, *base, true);
    fill_adapter(*tuning);
    write_tuning(tuning->saved(), start);
    {
        const row_set   set(token_file::open(tokens), s.max_seq_len);
        row_order       order(set.count(), s.seed);
        engine::options eo;
        eo.prec       = precision::f32;
        eo.max_tokens = set.most_tokens(4);
        engine      e(base, tuning.get(), eo);
        micro_batch mb;
        for (int i = 0; i < 4; i++) {
            set.append(mb, order.at(0, i));
        }
        tuning->params().zero_grads();
        e.accumulate_gradients(mb, (float) (1.0 / (double) mb.labels.size()), 0);
        const json & want  = c["first_gradients"];
        double       worst = 0;
        for (int i = 0; i < tuning->params().count(); i++) {
            const json & w = want.at(tuning->params().name(i));
            worst = std::max(worst, summary_error(tuning->params().read(tuning->params().grad(i)), w, w["norm"].get<double>()));
        }
        check(want.size() == (size_t) tuning->params().count(), name + ": the same adapter tensors");
        check_error(name + ": gradients of the first step", worst, 2e-5);
    }

    double         loss_error = 0, norm_error = 0, rate_error = 0;
    size_t         steps = 0, clipped = 0;
    bool           counts = true;
    train_observer observer;
    int64_t        trainable = 0;
    observer.on_plan = [&](const train_plan & p) { trainable = p.trainable_parameters; };
    observer.on_step = [&](const train_step & e) {
        const json & want = c["steps"].at(steps++);
        loss_error = std::max(loss_error, std::fabs(e.train_loss - want["train_loss"].get<double>()));
        norm_error = std::max(norm_error, std::fabs(e.grad_norm / want["grad_norm"].get<double>() - 1.0));
        rate_error = std::max(rate_error, std::fabs(e.learning_rate - want["learning_rate"].get<double>()));
        counts &= e.supervised_tokens == want["supervised_tokens"].get<int64_t>();
        clipped += e.grad_norm > s.adamw.max_grad_norm;
    };
    train_control      control;
    const train_result r = run_training(s, observer, control);
    check(steps == c["steps"].size() && r.completed && counts, name + ": " + std::to_string(steps) + " steps over the same tokens");
    check(trainable == c["trainable_parameters"].get<int64_t>(), name + ": " + std::to_string(trainable) + " trainable parameters, as PEFT prints");
    check(clipped == c["clipped_steps"].get<size_t>(), name + ": " + std::to_string(clipped) + " steps clipped");
    check_error(name + ": losses", loss_error, 2e-5);
    check_error(name + ": gradient norms", norm_error, 2e-5);
    check_error(name + ": learning rates", rate_error, 1e-10);

    const saved_tuning a = read_tuning(r.adapter_path.value());
    double                worst = 0;
    for (const auto & t : a.tensors) {
        const json & w = c["final_adapter"].at(t.name());
        worst          = std::max(worst, summary_error(t.values, w, w["moved"].get<double>()));
    }
    // Over how far ten steps moved the tensor.
    check_error(name + ": final adapter", worst, 1e-3);
}

} // namespace

int main() {
    temporary_folder folder;
    for (const char * name : {"llama", "llama-tied", "mistral", "qwen2", "qwen3", "gemma3", "gemma3-softcap", "phi3", "dora-llama", "dora-qwen2",
                              "dora-gemma3", "dora-phi3", "lfm2", "qwen35-equal-heads"}) {
        std::ifstream in(utf8_path(std::string(FORJA_TEST_DATA) + "/reference/results/" + name + ".json"));
        const json    reference = json::parse(in);
        const std::string variant = reference["variant"].get<std::string>();
        check(tensors_fnv1a(*gguf_file::open(model_of(folder, variant))) == reference["base_tensors_fnv1a"].get<std::string>(),
              std::string(name) + ": the fixture is the one that the reference was made with");
        for (const json & c : reference["cases"]) {
            run_case(folder, variant, reference["rows"], c);
        }
    }
    return result();
}
