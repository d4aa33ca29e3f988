// Objectives: their gradients against finite differences, groups that no pass parts, the reference, and whole preference runs: ten
// steps against TRL (reference/results/preference-*.json, made by reference/preference_reference.py), and resuming to the bit.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "support/expect-error.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/evaluate.hpp"
#include "train/objective-step.hpp"
#include "train/trainer.hpp"

using namespace forja;
using namespace forja::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

objective_settings settings_of(const std::string & name) {
    objective_settings s;
    s.objective = name;
    return s;
}

// ---- formulas

// The loss of a step of groups as a function of all nats; the weights are its derivatives.
double loss_of(const objective & goal, std::vector<scored_row> rows, const row_totals & totals, std::vector<double> & weights) {
    const size_t size = goal.rows() == row_kind::pairs ? 2 : 1;
    double       loss = 0;
    metric_means metrics;
    for (size_t i = 0; i < rows.size(); i += size) {
        loss += goal.group_loss(std::span(rows).subspan(i, size), totals, std::span(weights).subspan(i, size), metrics);
    }
    return loss;
}

void finite_differences(const std::string & name, const objective_settings & s) {
    const auto              goal = make_objective(s);
    std::vector<scored_row> rows = {{21.5, 9, 20.1, true}, {18.25, 6, 19.75, false}, {4.5, 3, 5.5, false}, {31.0, 12, 30.0, true}};
    const size_t            size = goal->rows() == row_kind::pairs ? 2 : 1;
    row_totals              totals{(int64_t) (rows.size() / size), 30, 0, 0.4};
    for (size_t i = 0; i < rows.size(); i += size) {
        totals.chosen_tokens += rows[i].n_tokens;
    }
    std::vector<double> weights(rows.size()), unused(rows.size());
    loss_of(*goal, rows, totals, weights);
    double worst = 0, largest = 0;
    for (size_t i = 0; i < rows.size(); i++) {
        const double h = 1e-5;
        auto         up = rows, down = rows;
        up[i].nats += h;
        down[i].nats -= h;
        const double slope = (loss_of(*goal, up, totals, unused) - loss_of(*goal, down, totals, unused)) / (2 * h);
        worst              = std::max(worst, std::fabs(slope - weights[i]));
        largest            = std::max(largest, std::fabs(weights[i]));
    }
    check(largest > 1e-3, name + ": the loss depends on the rows");
    check_error(name + ": weights are the derivatives of the loss", worst / largest, 1e-7);
}

void formulas() {
    finite_differences("sft", settings_of("sft"));
    finite_differences("dpo", settings_of("dpo"));
    finite_differences("orpo", settings_of("orpo"));
    finite_differences("kto", settings_of("kto"));
    objective_settings smooth  = settings_of("dpo");
    smooth.dpo_label_smoothing = 0.2;
    finite_differences("dpo with smoothing", smooth);
    objective_settings ipo = settings_of("dpo");
    ipo.dpo_loss_type      = "ipo";
    finite_differences("ipo", ipo);

    // Mitchell 2023: with no difference every smoothing gives ln 2; with one, the mixture of both directions.
    std::vector<double> w(2);
    metric_means        m;
    const row_totals    one{1, 12, 6, 0};
    const std::vector<scored_row> same = {{10, 6, 10, true}, {12, 6, 12, true}}, apart = {{10, 6, 14, true}, {12, 6, 11, true}};
    check_error("dpo: where nothing differs from the reference the loss is ln 2", std::fabs(make_objective(smooth)->group_loss(same, one, w, m) - std::log(2.0)), 1e-15);
    const double z = 0.1 * (4 - -1), want = -(0.8 * std::log(1 / (1 + std::exp(-z))) + 0.2 * std::log(1 / (1 + std::exp(z))));
    check_error("dpo: smoothing mixes both directions", std::fabs(make_objective(smooth)->group_loss(apart, one, w, m) - want), 1e-15);
    check(m.means().at("reward_accuracy") == 0.5 && std::fabs(m.means().at("reward_margin") - 0.25) < 1e-15, "metrics are means over the groups");
    check(std::isfinite(log_sigmoid(-1e4)) && log_sigmoid(1e4) == 0 && sigmoid(-1e4) == 0, "far logits neither overflow nor become NaN");
}

// ---- rows

using pair_rows = std::vector<std::pair<std::vector<uint32_t>, std::vector<uint32_t>>>;

std::string write_pairs(const temporary_folder & folder, const std::string & model_path, const pair_rows & pairs, const std::string & name) {
    const vocab_identity vocab = identify_vocab(*gguf_file::open(model_path));
    const std::string    path  = folder.path(name);
    token_file_writer    out(path, vocab.n_vocab, vocab.vocab_hash, 0, row_kind::pairs);
    for (size_t i = 0; i < pairs.size(); i++) {
        out.add_row(pairs[i].first.data(), pairs[i].first.size(), i);
        out.add_row(pairs[i].second.data(), pairs[i].second.size(), i);
    }
    out.finish();
    return path;
}

// A prompt and two answers of unequal length.
pair_rows random_pairs(int n, uint64_t seed) {
    pair_rows out;
    for (int i = 0; i < n; i++) {
        const auto row = random_row(seed + (uint64_t) i, 2 + i % 4, 4 + i * 5 % 9), other = random_row(seed + 500 + (uint64_t) i, 0, 3 + i * 7 % 11);
        std::vector<uint32_t> rejected(row.begin(), row.begin() + 2 + i % 4);
        rejected.insert(rejected.end(), other.begin(), other.end());
        out.push_back({row, rejected});
    }
    return out;
}

void rows(const temporary_folder & folder) {
    const std::string path  = fixture(folder, {});
    pair_rows         pairs = random_pairs(6, 10);
    pairs[1].first          = random_row(3, 5, 30); // cut, and still of use
    pairs[2]                = {random_row(4, 24, 6), random_row(4, 24, 9)}; // no answer left
    pairs[3].second         = pairs[3].first;
    auto longer             = random_row(5, 4, 24);
    pairs[4].first.assign(longer.begin(), longer.begin() + 26);
    pairs[4].second = longer; // the same within 24 tokens
    const std::string file = write_pairs(folder, path, pairs, "some.fjt");
    const row_set     set(token_file::open(file), 24);
    check(set.count() == 3 && set.skipped_rows() == 3 && set.group_size() == 2, "pairs that teach nothing within max_seq_len are skipped, each as one");
    check(set.truncated_rows() == 3 && set.longest_sequence() == 24, "a pair is cut where either of its answers is");
    for (int64_t most : {1, 40, 1000}) {
        int64_t groups = 0;
        for (const micro_batch & mb : pack_passes(set, {0, 1, 2}, most)) {
            check(mb.n_seq() % 2 == 0 && mb.sup_start.size() == mb.seq_start.size(), "no pass of " + std::to_string(most) + " tokens parts a pair");
            groups += mb.n_seq() / 2;
        }
        check(groups == 3, "every pair is in one pass");
    }
    micro_batch first, both;
    set.append_first(first, 0);
    set.append(both, 0);
    check(first.n_seq() == 1 && std::equal(first.tokens.begin(), first.tokens.end(), both.tokens.begin()), "a pair's first sequence is its chosen answer");
    check_fails("token_file_corrupt", "a file of pairs with an odd number of rows", [&] {
        const vocab_identity vocab = identify_vocab(*gguf_file::open(path));
        token_file_writer    out(folder.path("odd.fjt"), vocab.n_vocab, vocab.vocab_hash, 0, row_kind::pairs);
        out.add_row(pairs[0].first.data(), pairs[0].first.size(), 0);
        out.finish();
        token_file::open(folder.path("odd.fjt"));
    });
}

// ---- runs

struct history {
    std::vector<train_step>       steps;
    std::vector<train_validation> validations;
    train_result                  result;
};

history train(const train_settings & s, int64_t stop_after = 0) {
    history        h;
    train_control  control;
    train_observer o;
    o.on_validation = [&](const train_validation & v) { h.validations.push_back(v); };
    o.on_step       = [&](const train_step & e) {
        h.steps.push_back(e);
        control.stop = e.step == stop_after;
    };
    h.result = run_training(s, o, control);
    return h;
}

std::string bytes_of(const std::string & path) {
    std::ifstream in(utf8_path(path), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string write_labelled(const temporary_folder & folder, const std::string & model_path, int n, const std::string & name) {
    const vocab_identity vocab = identify_vocab(*gguf_file::open(model_path));
    token_file_writer    out(folder.path(name), vocab.n_vocab, vocab.vocab_hash, 0, row_kind::labelled);
    for (int i = 0; i < n; i++) {
        const auto row = random_row(900 + (uint64_t) i, 2 + i % 5, 3 + i * 7 % 13);
        out.add_row(row.data(), row.size(), (uint64_t) i, i % 3 != 0);
    }
    out.finish();
    return folder.path(name);
}

// Stopped in the middle of a second epoch, with dropout: a resumed run has the bits of one that never stopped, with the reference's
// losses that it kept, and with them lost.
void resume(const temporary_folder & folder, const std::string & objective, const std::string & start, ggml_type type) {
    fixtures::model_options o;
    o.type                 = type;
    const std::string path = fixture(folder, o), name = objective + (start.empty() ? "" : " from an adapter") + ": ";
    train_settings    s;
    s.objective.objective         = objective;
    s.model_path                  = path;
    s.train_tokens_path           = objective == "kto" ? write_labelled(folder, path, 12, "train.fjt") : write_pairs(folder, path, random_pairs(12, 40), "train.fjt");
    s.val_tokens_path             = objective == "kto" ? write_labelled(folder, path, 5, "val.fjt") : write_pairs(folder, path, random_pairs(5, 4000), "val.fjt");
    s.out_dir                     = folder.path("whole");
    s.method.lora_rank            = 4;
    s.method.lora_dropout         = 0.1;
    s.learning_rate               = 0.01;
    s.warmup_ratio                = 0;
    s.micro_batch_size            = 2;
    s.gradient_accumulation_steps = 2;
    s.max_steps                   = 7; // three steps an epoch
    s.eval_steps                  = 3;
    s.max_seq_len                 = 24;
    s.threads                     = 1;
    if (!start.empty()) {
        s.method.init_adapter_path = start;
    }
    const history whole = train(s);
    check(whole.result.completed && whole.validations.size() == 4, name + "runs to its end and validates");
    if (objective == "dpo") {
        check_error(name + "the base is its own reference: validation begins at ln 2", std::fabs(whole.validations[0].val_loss - std::log(2.0)), 1e-12);
        check(whole.steps.back().metrics.at("reward_margin") > 0 && whole.steps.back().train_loss < std::log(2.0), name + "the chosen answers gain");
        check(whole.validations.back().metrics.count("reward_accuracy") == 1, name + "validations have the figures too");
    }
    train_settings part = s;
    part.out_dir        = folder.path("part");
    part.resume_path    = train(part, 4).result.last_checkpoint_path;
    for (const bool lost : {false, true}) {
        if (lost) {
            fs::remove(utf8_path(folder.path("part/reference.bin")));
        }
        const history rest = train(part);
        bool          same = rest.steps.size() == 3;
        for (size_t i = 0; i < rest.steps.size() && same; i++) {
            same = rest.steps[i].train_loss == whole.steps[i + 4].train_loss && rest.steps[i].metrics == whole.steps[i + 4].metrics;
        }
        check(same && rest.validations.back().val_loss == whole.validations.back().val_loss && bytes_of(*rest.result.adapter_path) == bytes_of(*whole.result.adapter_path),
              name + (lost ? "and so it has when what was kept of the reference is gone" : "a resumed run has the bits of one that never stopped"));
    }
    for (const char * out : {"whole", "part"}) {
        fs::remove_all(utf8_path(folder.path(out)));
    }
}

void refusals(const temporary_folder & folder) {
    const std::string path = fixture(folder, {});
    train_settings    s;
    s.model_path        = path;
    s.train_tokens_path = write_pairs(folder, path, random_pairs(4, 1), "pairs.fjt");
    s.out_dir           = folder.path("refused");
    check_fails("rows_unfit_objective", "pairs for sft", [&] { train(s); });
    s.objective.objective = "kto";
    check_fails("rows_unfit_objective", "pairs for kto", [&] { train(s); });
    s.objective.objective = "dpo";
    s.train_tokens_path   = write_labelled(folder, path, 4, "labelled.fjt");
    check_fails("rows_unfit_objective", "marked answers for dpo", [&] { train(s); });
}

// ---- TRL

double summary_error(const std::vector<float> & values, const json & want, double unit) {
    double norm = 0, error = 0;
    for (float v : values) {
        norm += (double) v * v;
    }
    error = std::fabs(std::sqrt(norm) - want["norm"].get<double>()) / unit;
    for (size_t i = 0; i < want["first"].size(); i++) {
        error = std::max(error, std::fabs(values[i] - want["first"][i].get<double>()) / unit);
    }
    return error;
}

std::string write_reference_rows(const temporary_folder & folder, const std::string & model_path, const json & c) {
    const vocab_identity vocab  = identify_vocab(*gguf_file::open(model_path));
    const bool           labels = c["objective"] == "kto";
    token_file_writer    out(folder.path("trl.fjt"), vocab.n_vocab, vocab.vocab_hash, 0, labels ? row_kind::labelled : row_kind::pairs);
    for (size_t i = 0; i < c["rows"].size(); i++) {
        const auto first = c["rows"][i][0].get<std::vector<uint32_t>>();
        out.add_row(first.data(), first.size(), i, labels && c["rows"][i][1].get<bool>());
        if (!labels) {
            const auto second = c["rows"][i][1].get<std::vector<uint32_t>>();
            out.add_row(second.data(), second.size(), i);
        }
    }
    out.finish();
    return folder.path("trl.fjt");
}

void against_trl(const temporary_folder & folder, const std::string & variant, const json & c) {
    fixtures::model_options o;
    o.variant                  = variant;
    const std::string path     = fixture(folder, o), objective = c["objective"];
    const std::string name     = variant + " " + objective + (c.value("dpo_loss_type", "sigmoid") == "ipo" ? " ipo" : "");
    train_settings    s;
    s.model_path                         = path;
    s.train_tokens_path                  = write_reference_rows(folder, path, c);
    s.out_dir                            = folder.path("trl");
    s.objective.objective                = objective;
    s.objective.dpo_beta                 = c.value("dpo_beta", s.objective.dpo_beta);
    s.objective.dpo_loss_type            = c.value("dpo_loss_type", s.objective.dpo_loss_type);
    s.objective.orpo_beta                = c.value("orpo_beta", s.objective.orpo_beta);
    s.objective.kto_beta                 = c.value("kto_beta", s.objective.kto_beta);
    s.objective.desirable_weight         = c.value("desirable_weight", 1.0);
    s.objective.undesirable_weight       = c.value("undesirable_weight", 1.0);
    s.method.lora_rank                   = c["lora_rank"];
    s.method.lora_alpha                  = c["lora_alpha"];
    s.method.init_adapter_path           = folder.path("trl-start.gguf");
    s.learning_rate                      = c["learning_rate"];
    s.adamw.weight_decay                 = c["weight_decay"];
    s.adamw.adam_beta2                   = c["adam_beta2"];
    s.adamw.max_grad_norm                = c["max_grad_norm"];
    s.lr_scheduler                       = c["lr_scheduler"];
    s.warmup_steps                       = c["warmup_steps"];
    s.micro_batch_size                   = c["micro_batch_size"];
    s.gradient_accumulation_steps        = c["gradient_accumulation_steps"];
    s.max_seq_len                        = c["max_seq_len"];
    s.max_steps                          = c["max_steps"];
    s.seed                               = c["seed"];
    s.threads                            = 1;
    s.compute_type                       = "f32";
    {
        auto base   = open_model(path, (int) s.max_seq_len);
        auto tuning = make_method(s.method, *base, true);
        fill_adapter(*tuning);
        write_tuning(tuning->saved(), *s.method.init_adapter_path);
    }
    const history h    = train(s);
    double        loss = 0, norm = 0, figures = 0;
    bool          complete = h.steps.size() == c["steps"].size();
    for (size_t i = 0; i < h.steps.size() && complete; i++) {
        const json & want = c["steps"][i];
        const double wanted = want["train_loss"].get<double>(); // ipo's are several; F32 has 5e-7 of a nat
        loss                = std::max(loss, std::fabs(h.steps[i].train_loss - wanted) / std::max(1.0, wanted));
        norm              = std::max(norm, std::fabs(h.steps[i].grad_norm / want["grad_norm"].get<double>() - 1.0));
        for (const auto & [key, value] : want["metrics"].items()) {
            const auto found = h.steps[i].metrics.find(key);
            complete         = complete && found != h.steps[i].metrics.end();
            figures          = std::max(figures, complete ? std::fabs(found->second - value.get<double>()) : 1e30);
        }
    }
    check(complete && !c["steps"][0]["metrics"].empty(), name + ": ten steps, with TRL's figures");
    check_error(name + ": losses", loss, 1e-5);
    check_error(name + ": figures", figures, 1e-4);
    check_error(name + ": gradient norms", norm, 2e-5);
    double worst = 0;
    for (const auto & t : read_tuning(*h.result.adapter_path).tensors) {
        const json & w = c["final_adapter"].at(t.name());
        worst          = std::max(worst, summary_error(t.values, w, w["moved"].get<double>()));
    }
    check_error(name + ": final adapter, over how far it moved", worst, 1e-3);
    fs::remove_all(utf8_path(s.out_dir));
}

} // namespace

int main() {
    temporary_folder folder;
    formulas();
    rows(folder);
    resume(folder, "dpo", "", GGML_TYPE_F32);
    resume(folder, "orpo", "", GGML_TYPE_Q4_0);
    resume(folder, "kto", "", GGML_TYPE_Q8_0);
    {
        auto            base = open_model(fixture(folder, {}));
        method_settings ms;
        ms.lora_rank = 4;
        auto start   = make_method(ms, *base, false);
        fill_adapter(*start);
        write_tuning(start->saved(), folder.path("start.gguf"));
        resume(folder, "dpo", folder.path("start.gguf"), GGML_TYPE_F32);
    }
    refusals(folder);
    for (const char * variant : {"llama", "gemma3"}) {
        std::ifstream in(utf8_path(std::string(FORJA_TEST_DATA) + "/reference/results/preference-" + variant + ".json"));
        const json    reference = json::parse(in);
        for (const json & c : reference["cases"]) {
            against_trl(folder, variant, c);
        }
    }
    return result();
}
