// Whole runs: a resumed run equals one that never stopped, bit for bit; batches of any make-up give the same losses; the
// validation loss is the mean over all supervised tokens; checkpoints are kept and pruned; bad inputs are refused.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/files.hpp"
#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "export/adapter-gguf.hpp"
#include "peft/lora.hpp"
#include "support/expect-error.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "support/short-run.hpp"
#include "train/evaluate.hpp"
#include "train/intervals.hpp"
#include "train/row-order.hpp"
#include "train/trainer.hpp"

using namespace forja;
using namespace forja::test;
namespace fs = std::filesystem;

namespace {

// Stopped in the middle of an epoch, with dropout, validation and the moments of AdamW in play.
void resume(const temporary_folder & folder, const char * variant, ggml_type type, precision prec, int threads, const char * tuning = "lora") {
    fixtures::model_options o;
    o.variant              = variant;
    o.type                 = type;
    const std::string path = fixture(folder, o), name = std::string(variant) + " " + tuning + " " + fixtures::type_name(type) + (prec == precision::f32 ? " f32" : " auto") +
                                                        ", " + std::to_string(threads) + " threads";
    train_settings    whole = settings(folder, path, "whole");
    whole.val_tokens_path     = rows_file(folder, path, 5, 700);
    whole.eval_steps          = 4;
    whole.method.lora_dropout = 0.1;
    whole.method.method       = tuning;
    if (whole.method.method != "lora") {
        whole.method.neftune_noise_alpha = 5;
    }
    whole.compute_type        = prec == precision::f32 ? "f32" : "auto";
    whole.threads             = threads;
    const history a           = train(whole);

    train_settings part = whole;
    part.out_dir        = folder.path("part");
    const history b     = train(part, 6);
    check(!b.result.completed && b.steps.size() == 6 && b.checkpoints.back().reason == "stop", name + ": stops after step 6, with a checkpoint");
    part.resume_path = b.result.last_checkpoint_path;
    const history c  = train(part);
    bool          same = c.plan.start_step == 6 && c.steps.size() == 3 && c.warnings == b.warnings;
    for (size_t i = 0; i < a.steps.size() && same; i++) {
        const train_step & want = a.steps[i];
        const train_step & got  = i < 6 ? b.steps[i] : c.steps[i - 6];
        same = got.step == want.step && same_bits(got.train_loss, want.train_loss) && same_bits(got.grad_norm, want.grad_norm) &&
               same_bits(got.learning_rate, want.learning_rate) && got.supervised_tokens == want.supervised_tokens;
    }
    check(same, name + ": every step of the stopped and resumed run has the bits of the whole run's");
    check(a.validations.size() == 4 && a.validations[0].step == 0 && c.validations.size() == 2 && same_bits(a.validations.back().val_loss, c.validations.back().val_loss) &&
              same_bits(a.result.best_val_loss.value(), c.result.best_val_loss.value()),
          name + ": so have its validation losses");
    check(read_all(a.result.adapter_path.value()) == read_all(c.result.adapter_path.value()), name + ": and its adapter file");
    for (const char * out : {"whole", "part"}) {
        fs::remove_all(utf8_path(folder.path(out)));
    }
}

// Stopped at a step that is validated, and at the last one: that validation is made up for, or the run would know another best state.
void resume_before_validation(const temporary_folder & folder) {
    const std::string path  = fixture(folder, {});
    train_settings    s     = settings(folder, path, "validated");
    s.val_tokens_path       = rows_file(folder, path, 5, 700);
    s.eval_steps            = 4;
    s.checkpoint_steps      = 2;
    const history whole     = train(s);
    const auto    last      = read_checkpoint_state(checkpoint_folder(s.out_dir, 9));
    for (const int64_t stop_after : {4, 9}) {
        const std::string name = "stopped before the validation of step " + std::to_string(stop_after);
        s.out_dir              = folder.path("stopped-" + std::to_string(stop_after));
        s.resume_path.reset();
        const history stopped = train(s, stop_after);
        check(!stopped.result.completed && !stopped.result.adapter_path && stopped.result.steps == stop_after, name + ": the run is not through");
        s.resume_path        = stopped.result.last_checkpoint_path;
        const history rest   = train(s);
        auto          all    = stopped.validations;
        all.insert(all.end(), rest.validations.begin(), rest.validations.end());
        bool same = rest.result.completed && all.size() == whole.validations.size();
        for (size_t i = 0; i < all.size() && same; i++) {
            const train_validation & got = all[i], & want = whole.validations[i];
            same = got.step == want.step && got.is_best == want.is_best && same_bits(got.val_loss, want.val_loss);
        }
        const auto state = read_checkpoint_state(checkpoint_folder(s.out_dir, 9));
        check(same && state.val_loss == last.val_loss && state.best_val_loss == last.best_val_loss && !state.is_validation_due,
              name + ": it has the validations of the run that never stopped");
        check(read_all(whole.result.adapter_path.value()) == read_all(rest.result.adapter_path.value()), name + ": and its adapter");
    }
}

// Thrown to infinity by its learning rate: the checkpoints since then are of no use at any rate, and the run goes back behind them.
void resume_behind_infinity(const temporary_folder & folder) {
    const std::string path  = fixture(folder, {});
    train_settings    s     = settings(folder, path, "sane");
    s.checkpoint_steps      = 1;
    s.warmup_steps          = 0;
    const double  sane_rate = s.learning_rate;
    const history sane      = train(s);
    s.out_dir               = folder.path("insane");
    s.checkpoints_kept      = 2;
    s.learning_rate         = 1e30;
    try {
        train(s);
        check(false, "a learning rate of 1e30 goes well");
    } catch (const error & e) {
        check(e.code == "loss_not_finite" && e.hint.find("--learning-rate 2.5e+29") != std::string::npos, "a learning rate of 1e30: the hint names a lower one");
    }
    s.resume_path       = checkpoint_folder(s.out_dir, 1);
    s.learning_rate     = sane_rate;
    check(fs::exists(utf8_path(*s.resume_path)), "there is a checkpoint of the step that went too far");
    const history rest = train(s);
    check(rest.result.completed && rest.plan.start_step == 0 && std::count(rest.warnings.begin(), rest.warnings.end(), "checkpoint_damaged") == 1,
          "at a sane rate the run goes back to its start, and says so");
    check(fs::exists(utf8_path(folder.path("insane")) / "checkpoints" / "aside-step-00000001" / "state.gguf"), "what it leaves behind is kept aside");
    check(read_all(sane.result.adapter_path.value()) == read_all(rest.result.adapter_path.value()), "and ends as one that had that rate from the start");
}

// Rows that are a sample of a dataset: the same steps, told in epochs of the dataset.
void sample_of_a_dataset(const temporary_folder & folder) {
    const std::string path  = fixture(folder, {});
    train_settings    s     = settings(folder, path, "all");
    const history     all   = train(s);
    s.out_dir               = folder.path("sample");
    s.train_tokens_path     = rows_file(folder, path, 14, 100, 1000);
    const history sample    = train(s);
    // 14 rows in steps of four; 1,000 rows in steps of four.
    check(all.plan.steps_per_epoch == 4 && all.plan.dataset_rows == 0, "rows that are all of the dataset: four steps an epoch");
    check(sample.plan.steps_per_epoch == 250 && sample.plan.dataset_rows == 1000, "14 of 1,000 rows: 250 steps an epoch");
    bool same = all.steps.size() == 9 && sample.steps.size() == 9;
    for (size_t i = 0; i < 9 && same; i++) {
        const train_step & a = all.steps[i], & b = sample.steps[i];
        same = same_bits(a.train_loss, b.train_loss) && same_bits(a.epoch, (double) a.step / 4) && same_bits(b.epoch, (double) b.step / 250);
    }
    check(same, "epochs are of the dataset, and the steps have the same bits");
}

// A damaged newest checkpoint: the run goes on from the one before, says so, and ends with the same bytes.
void resume_from_older(const temporary_folder & folder) {
    const std::string path = fixture(folder, {});
    train_settings    s    = settings(folder, path, "whole");
    s.checkpoint_steps     = 2;
    s.checkpoints_kept     = 5;
    const history whole    = train(s);
    s.out_dir              = folder.path("part");
    s.resume_path          = train(s, 6).result.last_checkpoint_path;
    const fs::path newest  = utf8_path(*s.resume_path), older = utf8_path(checkpoint_folder(s.out_dir, 4));
    fs::resize_file(newest / "adapter.gguf", fs::file_size(newest / "adapter.gguf") - 100);
    const auto damage = [](const fs::path & file) { // an exponent of ones somewhere in its last tensor
        std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
        f.seekp(static_cast<std::streamoff>(fs::file_size(file) - 64));
        f.write("\xff\xff\xff\x7f", 4);
    };
    const auto    told = [](const history & h) { return std::count(h.warnings.begin(), h.warnings.end(), "checkpoint_damaged") == 1; };
    const history c    = train(s);
    check(c.plan.start_step == 4 && told(c), "a newest checkpoint that was cut short: the one before is used, with a word");
    check(read_all(whole.result.adapter_path.value()) == read_all(c.result.adapter_path.value()), "and the run ends with the bytes of one that was never stopped");
    s.resume_path = path_utf8(older);
    damage(older / "state.gguf");
    const history d = train(s);
    check(d.plan.start_step == 2 && told(d), "a number that is not finite is damage too");
    damage(older / "state.gguf"); // the run before has written it anew
    damage(utf8_path(checkpoint_folder(s.out_dir, 2)) / "state.gguf");
    check_fails("checkpoint_corrupt", "where none is whole, that is what is said", [&] { train(s); });
    s.resume_path.reset();
    for (const char * out : {"whole", "part"}) {
        fs::remove_all(utf8_path(folder.path(out)));
    }
}

// Only the order of sums differs: F32's 1e-7 of each loss, more in later steps.
void make_up(const temporary_folder & folder) {
    fixtures::model_options o;
    const std::string       path = fixture(folder, o);
    std::vector<history>    runs;
    for (int64_t micro : {1, 2, 4}) {
        train_settings s              = settings(folder, path, "micro");
        s.micro_batch_size            = micro;
        s.max_seq_len                 = 24; // the longest row has 21 tokens: passes of one or two, some and all rows of a step
        s.gradient_accumulation_steps = 4 / micro;
        s.compute_type                = "f32";
        s.method.lora_dropout         = 0.2;
        runs.push_back(train(s));
    }
    train_settings s          = settings(folder, path, "micro");
    s.max_seq_len             = 24;
    s.activation_budget_bytes = 0;
    s.threads                 = 2;
    s.compute_type            = "f32";
    s.method.lora_dropout     = 0.2;
    const history recomputed  = train(s);
    // With the least memory, which the refusal of less tells: a pass a row.
    s.device_memory_limit_bytes = 1;
    try {
        train(s);
    } catch (const error & e) {
        s.device_memory_limit_bytes = std::stoll(e.details.at("needed_bytes"));
    }
    runs.push_back(train(s));
    check(runs.back().warnings == std::vector<std::string>{"micro_batch_split", "rows_skipped"}, "little memory makes smaller passes, and says so");
    double        worst = 0, norm = 0;
    bool          bits = true;
    for (size_t i = 0; i < runs[0].steps.size(); i++) {
        for (size_t r = 1; r < runs.size(); r++) {
            worst = std::max(worst, std::fabs(runs[r].steps[i].train_loss - runs[0].steps[i].train_loss));
            norm  = std::max(norm, std::fabs(runs[r].steps[i].grad_norm / runs[0].steps[i].grad_norm - 1));
        }
        bits &= same_bits(recomputed.steps[i].train_loss, runs[1].steps[i].train_loss);
    }
    check_error("micro-batches of 1, 2 and 4 rows, and little memory: losses", worst, 2e-5);
    check_error("micro-batches of 1, 2 and 4 rows, and little memory: gradient norms", norm, 2e-5);
    check(bits, "recomputed activations and two threads: the same bits");
    check(runs[0].plan.rows == 14 && runs[0].plan.skipped_rows == 1 && runs[0].plan.steps_per_epoch == 4, "the plan counts rows, skipped rows and steps");
    check(recomputed.warnings == std::vector<std::string>{"rows_skipped"}, "a skipped row is told");
}

// Short rows share a pass, up to what the longest micro-batch may need; each row is in one pass, in the order given.
void packs(const temporary_folder & folder) {
    const std::string          path = fixture(folder, fixtures::model_options());
    const train_settings       s    = settings(folder, path, "packs");
    const row_set              rows(token_file::open(s.train_tokens_path), 24);
    const std::vector<int64_t> order = {5, 1, 9, 3, 0, 7, 2, 8};
    for (int64_t most : {int64_t(1), int64_t(24), int64_t(48), int64_t(1000)}) {
        const std::vector<micro_batch> passes = pack_passes(rows, order, most);
        std::vector<int32_t>           lengths, want;
        bool                           fits = true, tight = true;
        for (size_t i = 0; i < passes.size(); i++) {
            fits = fits && (passes[i].n_tokens() <= most || passes[i].n_seq() == 1);
            tight = tight && (i == 0 || passes[i - 1].n_tokens() + passes[i].seq_start[1] > most);
            for (int j = 0; j < passes[i].n_seq(); j++) {
                lengths.push_back(passes[i].seq_start[j + 1] - passes[i].seq_start[j]);
            }
        }
        for (int64_t row : order) {
            want.push_back((int32_t) rows.tokens_of(row));
        }
        const std::string name = "passes of at most " + std::to_string(most) + " tokens: ";
        check(lengths == want, name + "all rows, in order");
        check(fits && tight, name + "no larger, and no smaller than need be");
    }
    for (bool on_cpu : {false, true}) {
        check(pass_tokens(rows, 1, 8, 24, on_cpu) == 24, "one row of max_seq_len bounds a pass where micro_batch_size is 1");
        check(pass_tokens(rows, 8, 8, 24, on_cpu) == rows.most_tokens(8), "a pass is never sized for more rows than a step has");
        check(pass_tokens(rows, 2, 8, 21, on_cpu) == std::max<int64_t>(42, rows.most_tokens(on_cpu ? 1 : 2)),
              "nor for more than micro_batch_size rows of max_seq_len");
    }
    const vocab_identity vocab = identify_vocab(*gguf_file::open(path));
    token_file_writer    writer(folder.path("long.fjt"), vocab.n_vocab, vocab.vocab_hash);
    for (int i = 0; i < 8; i++) {
        const auto row = random_row(40 + i, 100, 200 + 10 * i);
        writer.add_row(row.data(), row.size(), i);
    }
    writer.finish();
    const row_set longer(token_file::open(folder.path("long.fjt")), 2048);
    check(pass_tokens(longer, 8, 8, 2048, true) == fast_pass_tokens, "on the CPU a pass of long rows is only as long as is fast");
    check(pass_tokens(longer, 8, 8, 2048, false) == longer.most_tokens(8), "elsewhere it has micro_batch_size rows");
}

// The mean over all supervised tokens, not the mean of batches' means; and the same as scoring the file with the adapter.
void validation(const temporary_folder & folder) {
    fixtures::model_options o;
    const std::string       path = fixture(folder, o);
    train_settings          s    = settings(folder, path, "validated");
    s.val_tokens_path            = rows_file(folder, path, 5, 700);
    s.compute_type               = "f32";
    s.checkpoint_steps           = 2;
    s.checkpoints_kept           = 2;
    s.eval_steps                 = 3;
    const history h              = train(s);

    auto base   = open_model(path);
    auto tuning = method_from_saved(read_tuning(h.result.adapter_path.value()), *base, false);
    engine::options eo;
    eo.prec       = precision::f32;
    eo.training   = false;
    eo.max_tokens = 64;
    engine  e(base, tuning.get(), eo);
    double  nats = 0;
    int64_t n    = 0;
    for (int i = 0; i < 5; i++) {
        const batch_loss l = e.evaluate(batch_of({random_row(700 + i, 2 + i % 5, 3 + i * 7 % 13)}));
        nats += l.nats;
        n += l.n_tokens;
    }
    check(h.validations.size() == 4 && h.validations.back().tokens == n, "validation: at steps 0, 3, 6 and the last, over all supervised tokens");
    engine  untuned(base, nullptr, eo);
    double  before = 0;
    for (int i = 0; i < 5; i++) {
        before += untuned.evaluate(batch_of({random_row(700 + i, 2 + i % 5, 3 + i * 7 % 13)})).nats;
    }
    check_error("validation: that of step 0 is the base's", std::fabs(h.validations.front().val_loss - before / (double) n), 1e-6);
    check_error("validation: the mean over all supervised tokens", std::fabs(h.validations.back().val_loss - nats / (double) n), 1e-6);
    check_error("validation: perplexity", std::fabs(h.validations.back().perplexity / std::exp(nats / (double) n) - 1), 1e-6);

    score_settings score;
    score.model_path   = path;
    score.tokens_path  = s.val_tokens_path.value();
    score.adapter_path = h.result.adapter_path;
    score.max_seq_len  = s.max_seq_len;
    score.threads      = 1;
    score.compute_type = "f32";
    double            row_nats = 0;
    int64_t           row_tokens = 0;
    std::set<uint64_t> told;
    const score_result r = run_score(score, {}, [&](uint64_t row, double row_loss, int64_t tokens) {
        told.insert(row);
        row_nats += row_loss;
        row_tokens += tokens;
    });
    check_error("score: the rows' losses come to the mean", std::fabs(row_nats / (double) row_tokens - r.mean_loss), 1e-12);
    check(row_tokens == n && told.size() == 5, "score: each row is told once");
    check_error("score: the same", std::fabs(r.mean_loss - h.validations.back().val_loss), 1e-9);
    check(r.tokens == n && r.rows == 5, "score: counts tokens and rows");

    std::vector<std::string> kept;
    for (const auto & entry : fs::directory_iterator(utf8_path(s.out_dir) / "checkpoints")) {
        kept.push_back(path_utf8(entry.path().filename()));
    }
    std::sort(kept.begin(), kept.end());
    check(kept == std::vector<std::string>({"step-00000008", "step-00000009"}), "the last two checkpoints are kept");
    double best = 1e30;
    for (const train_validation & v : h.validations) {
        if (v.step == 0) {
            check(!v.is_best, "the base is no best checkpoint");
            continue;
        }
        check(v.is_best == (v.val_loss < best), "validation at step " + std::to_string(v.step) + (v.is_best ? " is the best so far" : " is not the best"));
        best = std::min(best, v.val_loss);
    }
    const auto kept_best = method_from_saved(read_tuning(folder.path("validated/best/adapter.gguf")), *base, false);
    engine     of_best(base, kept_best.get(), eo);
    nats = 0;
    for (int i = 0; i < 5; i++) {
        nats += of_best.evaluate(batch_of({random_row(700 + i, 2 + i % 5, 3 + i * 7 % 13)})).nats;
    }
    check_error("the best checkpoint has the best validation loss", std::fabs(nats / (double) n - best), 1e-6);
}

// Figures as in main/domain/steps.test.ts, which estimates by the same rule.
void intervals() {
    check(automatic_checkpoint_steps(1000) == 100 && automatic_checkpoint_steps(81) == 9 && automatic_checkpoint_steps(12) == 5,
          "about ten checkpoints a run, at most one every five steps");
    check(automatic_eval_steps(1000, 0, 100) == 100 && automatic_eval_steps(1000, 3000, 100) == 100, "few rows to validate on: as often");
    check(automatic_eval_steps(80, 8500, 680) == 24, "more: less often, but where there is a checkpoint");
    check(automatic_eval_steps(80, 1000000000, 1) > 80, "far more than there is to learn: only at the end");
}

// Left to Forja, a run validates and writes checkpoints by those rules.
void automatic(const temporary_folder & folder) {
    const std::string path = fixture(folder, fixtures::model_options());
    train_settings    s    = settings(folder, path, "automatic");
    s.val_tokens_path      = rows_file(folder, path, 1, 700);
    const history        h = train(s);
    std::vector<int64_t> validated, written;
    for (const train_validation & v : h.validations) {
        validated.push_back(v.step);
    }
    for (const train_checkpoint & c : h.checkpoints) {
        if (c.reason != "best") {
            written.push_back(c.step);
        }
    }
    check(validated == std::vector<int64_t>({0, 5, 9}), "validated before, once in between and at the end");
    check(written == std::vector<int64_t>({5, 9}), "with a checkpoint each time");
}

void bad_inputs(const temporary_folder & folder) {
    fixtures::model_options o;
    const std::string       path = fixture(folder, o);
    const train_settings    good = settings(folder, path, "bad");
    const history           done = train(good);
    const std::string       before = read_all(done.result.adapter_path.value());

    const auto refuse = [&](const std::string & code, const std::string & what, const std::function<void(train_settings &)> & spoil) {
        train_settings s = good;
        spoil(s);
        check_fails(code, what, [&] { train(s); });
    };
    for (const auto & [kind, code] : std::vector<std::pair<std::string, std::string>>{{"unsupported-arch", "architecture_unsupported"},
                                                                                     {"missing-tensor", "tensor_missing"},
                                                                                     {"nan-weights", "weights_not_finite"},
                                                                                     {"truncated", "gguf_truncated"},
                                                                                     {"header-truncated", "gguf_truncated"},
                                                                                     {"wrong-magic", "gguf_bad_magic"},
                                                                                     {"bad-version", "gguf_bad_version"}}) {
        const std::string bad = folder.path("bad-" + kind + ".gguf");
        fixtures::write_bad_model(kind, o, bad);
        refuse(code, "a model with " + kind, [&](train_settings & s) { s.model_path = bad; });
    }
    refuse("file_not_found", "a model that isn't there", [&](train_settings & s) { s.model_path = folder.path("nothing.gguf"); });
    refuse("file_not_found", "a token file that isn't there", [&](train_settings & s) { s.train_tokens_path = folder.path("nothing.fjt"); });
    refuse("dataset_empty", "a dataset with nothing to learn", [&](train_settings & s) { s.train_tokens_path = rows_file(folder, path, 0, 1); });
    refuse("dataset_empty", "a max_seq_len that cuts every answer off", [&](train_settings & s) { s.max_seq_len = 1; });
    refuse("no_target_modules", "no target modules", [&](train_settings & s) { s.method.target_modules = {}; });
    refuse("checkpoint_missing", "a checkpoint that isn't there", [&](train_settings & s) { s.resume_path = folder.path("nothing"); });
    refuse("resume_mismatch", "resuming with another rank", [&](train_settings & s) {
        s.resume_path      = done.result.last_checkpoint_path;
        s.method.lora_rank = 8;
    });
    {
        fixtures::model_options other = o;
        other.n_vocab                 = 352;
        const std::string wide        = fixture(folder, other);
        refuse("token_file_vocab_mismatch", "rows made with another vocabulary", [&](train_settings & s) { s.model_path = wide; });
    }
    {
        const std::string foreign = folder.path("foreign.gguf");
        fixtures::model_options other;
        other.variant = "qwen3";
        auto            base = open_model(fixture(folder, other));
        method_settings ms;
        ms.lora_rank = 4;
        auto m       = make_method(ms, *base, false);
        m->init(1);
        write_adapter_gguf(m->saved(), foreign);
        refuse("adapter_mismatch", "an initial adapter of another model", [&](train_settings & s) { s.method.init_adapter_path = foreign; });
    }
    {
        const fs::path damaged = utf8_path(folder.path("damaged"));
        fs::copy(utf8_path(done.result.last_checkpoint_path.value()), damaged);
        fs::resize_file(damaged / "state.gguf", fs::file_size(damaged / "state.gguf") / 2);
        refuse("checkpoint_corrupt", "a checkpoint that was cut short", [&](train_settings & s) { s.resume_path = path_utf8(damaged); });
    }
    {
        const std::string file = folder.path("a-file");
        std::ofstream(utf8_path(file)) << "x";
        refuse("output_not_writable", "an output folder that is a file", [&](train_settings & s) { s.out_dir = file; });
    }
    {
        refuse("loss_not_finite", "a learning rate that throws the adapter to infinity", [&](train_settings & s) {
            s.learning_rate       = 1e30;
            s.warmup_steps        = 0;
            s.out_dir             = folder.path("exploded");
        });
    }
    check(read_all(done.result.adapter_path.value()) == before, "the earlier run's adapter is whole");
}

} // namespace

int main() {
    temporary_folder folder;
    packs(folder);
    resume(folder, "llama", GGML_TYPE_F32, precision::f32, 1);
    resume(folder, "gemma3", GGML_TYPE_Q8_0, precision::fast, 2);
    resume(folder, "qwen2", GGML_TYPE_Q4_0, precision::fast, 2, "dora");
    resume_before_validation(folder);
    resume_from_older(folder);
    resume_behind_infinity(folder);
    sample_of_a_dataset(folder);
    resume(folder, "phi3", GGML_TYPE_Q4_K, precision::fast, 1);
    make_up(folder);
    validation(folder);
    intervals();
    automatic(folder);
    bad_inputs(folder);
    return result();
}
