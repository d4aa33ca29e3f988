#include "train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/memory.hpp"
#include "base/random.hpp"
#include "base/shell-word.hpp"
#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "train/against-llama.hpp"
#include "train/evaluate.hpp"
#include "train/intervals.hpp"
#include "train/known-results.hpp"
#include "train/objective-step.hpp"
#include "train/row-order.hpp"

namespace forja {
namespace fs = std::filesystem;

namespace {

using clock_type = std::chrono::steady_clock;

constexpr const char * agrees = "agrees-with-llama";

int64_t ms_since(clock_type::time_point t) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_type::now() - t).count();
}

class run {
  public:
    run(const train_settings & s, const train_observer & o, train_control & c) : s_(s), observe_(o), control_(c), known_(s.known_dir) {}

    train_result go() {
        load();
        plan();
        began_ = clock_type::now();
        if (val_rows_ && (state_.step == 0 || state_.is_validation_due)) {
            validate(); // of step 0, what there was before: curves start there, and verdicts compare with it
        } else {
            observe_.on_status("training");
        }
        before_first_step_ms_ = elapsed_here();
        while (state_.step < total_steps_ && !control_.stop) {
            if (!one_step()) {
                break;
            }
            const bool last = state_.step == total_steps_;
            if (val_rows_ && (last || state_.step % eval_steps_ == 0)) {
                validate();
            }
            if (!last && state_.step % checkpoint_steps_ == 0) {
                checkpoint("interval");
            } else if (!last && control_.checkpoint.exchange(false)) {
                checkpoint("request");
            }
        }
        return finish();
    }

  private:
    void load() {
        observe_.on_status("loading_model");
        dev_  = device::open(s_.device, s_.threads);
        auto file = gguf_file::open(s_.model_path);
        base_ = model::load(file, dev_, s_.max_seq_len, true);

        observe_.on_status("preparing");
        const vocab_identity vocab = identify_vocab(*file);
        auto                 train = token_file::open(s_.train_tokens_path);
        train->require_vocab(vocab.n_vocab, vocab.vocab_hash);
        goal_ = make_objective(s_.objective);
        require_kind(*train);
        train_rows_ = std::make_unique<row_set>(train, s_.max_seq_len);
        if (train_rows_->count() == 0) {
            throw error("dataset_empty", s_.train_tokens_path + ": no row has anything to learn within " + std::to_string(s_.max_seq_len) + " tokens",
                        "Raise max_seq_len, or check which part of each row is the answer.", {{"path", s_.train_tokens_path}});
        }
        if (s_.val_tokens_path) {
            auto val = token_file::open(*s_.val_tokens_path);
            val->require_vocab(vocab.n_vocab, vocab.vocab_hash);
            require_kind(*val);
            val_rows_ = std::make_unique<row_set>(val, s_.max_seq_len);
            if (val_rows_->count() == 0) {
                throw error("dataset_empty", *s_.val_tokens_path + ": no row has anything to learn within " + std::to_string(s_.max_seq_len) + " tokens",
                            "Raise max_seq_len, or leave validation out.", {{"path", *s_.val_tokens_path}});
            }
        }
        method_ = make_method(s_.method, *base_, true);
        init();
        if (s_.method.init_adapter_path) {
            start_ = method_->saved();
        }
        if (goal_->needs_reference()) {
            train_reference_ = std::make_unique<reference_losses>(*train_rows_);
            val_reference_   = val_rows_ ? std::make_unique<reference_losses>(*val_rows_) : nullptr;
        }

        rows_per_step_   = s_.micro_batch_size * s_.gradient_accumulation_steps;
        pass_tokens_     = pass_tokens(*train_rows_, s_.micro_batch_size, rows_per_step_, s_.max_seq_len, dev_->is_cpu());
        steps_per_pass_  = (train_rows_->count() + rows_per_step_ - 1) / rows_per_step_;
        // Where the file holds a sample, an epoch is one of the whole dataset; what is skipped of the sample tells nothing of the rest.
        const int64_t dataset_rows = train_rows_->dataset_rows();
        steps_per_epoch_           = dataset_rows > 0 ? (dataset_rows + rows_per_step_ - 1) / rows_per_step_ : steps_per_pass_;
        total_steps_     = s_.max_steps > 0 ? s_.max_steps : std::max<int64_t>(1, (int64_t) std::ceil(s_.epochs * (double) steps_per_epoch_));
        schedule_        = {s_.learning_rate, s_.lr_scheduler, warmup_of(s_.warmup_steps, s_.warmup_ratio, total_steps_), total_steps_};
        order_           = std::make_unique<row_order>(train_rows_->count(), s_.seed);

        checkpoint_steps_ = s_.checkpoint_steps > 0 ? s_.checkpoint_steps : automatic_checkpoint_steps(total_steps_);
        eval_steps_       = s_.eval_steps;
        if (eval_steps_ == 0) {
            eval_steps_ = automatic_eval_steps(total_steps_, val_rows_ ? val_rows_->total_tokens() : 0,
                                               (double) train_rows_->total_tokens() / (double) steps_per_pass_);
        }

        record_ = run_record::of(s_);
        record_.fixed.insert({{"architecture", base_->hp().architecture}, {"n_params", std::to_string(base_->n_params())},
                              {"vocab_hash", std::to_string(vocab.vocab_hash)}, {"trainable_parameters", std::to_string(method_->params().n_params())},
                              {"train_rows", std::to_string(train_rows_->count())}, {"train_tokens", std::to_string(train->n_tokens())}});
        record_.warned.insert({{"total_steps", std::to_string(total_steps_)}, {"warmup_steps", std::to_string(schedule_.warmup_steps)}, {"device", dev_->name()}});
        if (s_.resume_path) {
            resume(*s_.resume_path);
        }
        state_.settings = record_.all();
        prepare_reference();
        // A run that wrote its first bytes here knows that it can write its last ones.
        std::error_code ec;
        fs::create_directories(utf8_path(s_.out_dir) / "checkpoints", ec);
        if (ec || !fs::is_directory(utf8_path(s_.out_dir), ec)) {
            throw error("output_not_writable", "The folder " + s_.out_dir + " can't be made or written to: " + ec.message(),
                        "Choose another folder for the run.", {{"path", s_.out_dir}});
        }
        atomic_file probe(path_in("write-test")); // removed at once: throws where nothing can be written

        engine::options options;
        options.prec                      = precision_of(s_.compute_type);
        options.max_tokens                = pass_tokens_;
        options.max_row_tokens            = longest_sequence(*train_rows_);
        options.max_tokens                = std::max(options.max_tokens, options.max_row_tokens);
        options.activation_budget_bytes   = s_.activation_budget_bytes;
        options.device_memory_limit_bytes = s_.device_memory_limit_bytes;
        if (val_rows_) {
            options.max_row_tokens = std::max(options.max_row_tokens, longest_sequence(*val_rows_));
            options.max_tokens     = std::max({options.max_tokens, options.max_row_tokens, val_rows_->most_tokens(1)});
        }
        engine_      = std::make_unique<engine>(base_, method_.get(), options);
        pass_tokens_ = std::min(pass_tokens_, engine_->pass_tokens());
        if (!s_.resume_path && !s_.method.init_adapter_path && !known_.find(agrees)) { // the method changes nothing yet
            std::vector<int32_t> row;
            const token_row first = train->row(0);
            for (uint32_t i = 0; i < first.n_tokens; i++) {
                row.push_back(token_id(first.tokens[i]));
            }
            require_llama_agrees(*engine_, s_.model_path, row, dev_->threads());
            known_.keep(agrees, 1);
        }
    }

    /// What the objective learns from must be what the file holds.
    void require_kind(const token_file & file) const {
        if (file.kind() != goal_->rows()) {
            throw error("rows_unfit_objective", "The objective '" + s_.objective.objective + "' learns from " + row_kind_name(goal_->rows()) + ", and " + file.path() + " holds " + row_kind_name(file.kind()),
                        "Make the token file again from a dataset that fits the objective.",
                        {{"objective", s_.objective.objective}, {"wanted", row_kind_name(goal_->rows())}, {"found", row_kind_name(file.kind())}, {"path", file.path()}});
        }
    }

    int64_t longest_sequence(const row_set & rows) const {
        return goal_->needs_kl() ? std::max(rows.longest_sequence(), rows.most_mismatched_tokens()) : rows.longest_sequence();
    }

    std::string reference_path() const { return path_in("reference.bin"); }

    uint64_t reference_identity() const {
        return stream_key(train_rows_->content_hash(), val_rows_ ? val_rows_->content_hash() : 0, base_->n_params(), base_->file().file_size_bytes());
    }

    // A new run knows nothing of its reference: what lies there is another run's.
    void prepare_reference() {
        if (!train_reference_) {
            return;
        }
        if (s_.resume_path) {
            load_reference(reference_path(), reference_identity(), *train_reference_, val_reference_.get());
        } else {
            std::error_code ec;
            fs::remove(utf8_path(reference_path()), ec);
        }
    }

    objective_parts parts(reference_losses * reference) { return {*goal_, *engine_, *method_, reference, start_ ? &*start_ : nullptr}; }

    std::string path_in(const char * name) const { return path_utf8(utf8_path(s_.out_dir) / name); }

    /// From this checkpoint or, where it is damaged, from the newest older one that is whole.
    void resume(const std::string & newest) {
        std::vector<std::string> folders = checkpoints_before(newest);
        folders.insert(folders.begin(), newest);
        for (size_t i = 0; i < folders.size(); i++) {
            try {
                state_ = read_checkpoint_state(folders[i]); // first: it says which setting an adapter of another shape comes from
                record_.compare(state_.settings, observe_.on_warning);
                state_           = load_checkpoint(folders[i], *method_);
                last_checkpoint_ = folders[i];
                return;
            } catch (const error & e) {
                if (e.code != "checkpoint_corrupt") {
                    throw;
                }
                if (i + 1 == folders.size()) {
                    throw error(e.kind, e.code, e.what(), folders.size() == 1 ? "The run has no other checkpoint: train again from the start." : "None of the run's checkpoints is whole: train again from the start.", e.details);
                }
                observe_.on_warning({"checkpoint_damaged", std::string(e.what()) + ". The run goes on from the one before: " + folders[i + 1],
                                     "Nothing needs to be done: the steps since then are done again.", {{"path", folders[i]}, {"older", folders[i + 1]}}});
            }
        }
    }

    /// The checkpoint that the run goes on from gives no finite number before anything was learned from it: it was written when the run had
    /// left all bounds, and no learning rate helps it. Goes on from the one before or, where there is none, from the start.
    void go_back() {
        const std::string              spoilt = *last_checkpoint_;
        const std::vector<std::string> older  = checkpoints_before(spoilt);
        last_checkpoint_.reset();
        for (const std::string & folder : older) {
            try {
                state_           = load_checkpoint(folder, *method_);
                last_checkpoint_ = folder;
                break;
            } catch (const error & e) {
                if (e.code != "checkpoint_corrupt") {
                    throw;
                }
            }
        }
        if (!last_checkpoint_) {
            state_ = {};
            init();
        }
        state_.settings = record_.all();
        const std::string kept = set_checkpoint_aside(spoilt); // it would count as the newest
        observe_.on_warning({"checkpoint_damaged", "The checkpoint " + spoilt + " gives no finite loss; it is kept as " + kept + ". " +
                                                       (last_checkpoint_ ? "The run goes on from the one before: " + *last_checkpoint_ : "The run begins again at its first step"),
                             "Nothing needs to be done: the steps since then are done again.",
                             {{"path", spoilt}, {"older", last_checkpoint_.value_or("")}, {"kept", kept}, {"reason", "not_finite"}}});
        observe_.on_plan(plan_now());
    }

    /// What a run starts with.
    void init() {
        method_->init(s_.seed);
        if (s_.method.init_adapter_path) {
            method_->load(read_tuning(*s_.method.init_adapter_path));
        }
        for (ggml_tensor * moment : {method_->params().moment1(), method_->params().moment2()}) {
            const std::vector<float> zeros((size_t) ggml_nelements(moment));
            method_->params().write(moment, zeros.data(), zeros.size());
        }
    }

    void plan() {
        for (const warning & w : engine_->warnings()) {
            observe_.on_warning(w);
        }
        const train_plan p = plan_now();
        observe_.on_plan(p);
        if (p.truncated_rows > 0) {
            observe_.on_warning({"rows_truncated", std::to_string(p.truncated_rows) + " rows are longer than max_seq_len = " + std::to_string(s_.max_seq_len) + " tokens and lose their end",
                                 "Raise max_seq_len to keep them whole.", {{"rows", std::to_string(p.truncated_rows)}, {"max_seq_len", std::to_string(s_.max_seq_len)}}});
        }
        if (p.skipped_rows > 0) {
            observe_.on_warning({"rows_skipped", std::to_string(p.skipped_rows) + " rows have nothing to learn within max_seq_len = " + std::to_string(s_.max_seq_len) + " tokens",
                                 "Raise max_seq_len, or check which part of each row is the answer.", {{"rows", std::to_string(p.skipped_rows)}, {"max_seq_len", std::to_string(s_.max_seq_len)}}});
        }
    }

    train_plan plan_now() const {
        train_plan p{};
        p.architecture         = base_->hp().architecture;
        p.base_type            = ggml_type_name(base_->base_type());
        p.device               = dev_->name();
        p.n_layer              = base_->hp().n_layer;
        p.n_params             = base_->n_params();
        p.trainable_parameters = method_->params().n_params();
        p.rows                 = train_rows_->count();
        p.dataset_rows         = train_rows_->dataset_rows();
        p.val_rows             = val_rows_ ? val_rows_->count() : 0;
        p.steps_per_epoch      = steps_per_epoch_;
        p.total_steps          = total_steps_;
        p.start_step           = state_.step;
        p.skipped_rows         = train_rows_->skipped_rows();
        p.truncated_rows       = train_rows_->truncated_rows();
        p.threads              = dev_->threads();
        return p;
    }

    // Waits while paused. Returns false when the run should stop.
    bool may_go_on() {
        if (control_.pause && !control_.stop) {
            const auto since = clock_type::now();
            observe_.on_status("paused");
            while (control_.pause && !control_.stop) {
                if (control_.checkpoint.exchange(false)) {
                    checkpoint("request");
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
            }
            if (!control_.stop) {
                observe_.on_status("resumed");
            }
            paused_ += clock_type::now() - since;
        }
        return !control_.stop;
    }

    bool one_step() {
        const int64_t pass = state_.step / steps_per_pass_, first = state_.step % steps_per_pass_ * rows_per_step_;
        const int64_t end = std::min(first + rows_per_step_, train_rows_->count());

        // The step's passes are made first: the loss is a mean over all of its supervised tokens.
        std::vector<int64_t> rows;
        for (int64_t i = first; i < end; i++) {
            rows.push_back(order_->at(pass, i));
        }
        const std::vector<micro_batch> batches = pack_passes(*train_rows_, rows, pass_tokens_);
        objective_step                 step(parts(train_reference_.get()), *train_rows_, rows, batches);
        const int64_t                  tokens = step.tokens(), supervised = step.supervised_tokens();

        if (!may_go_on()) {
            return false;
        }
        auto began = clock_type::now();
        const auto go_on = [&] {
            const auto paused_before = paused_;
            const bool on            = may_go_on();
            began += paused_ - paused_before;
            return on;
        };
        if (!step.prepare(go_on)) {
            return false;
        }
        method_->before_step(state_.step + 1);
        method_->params().zero_grads();
        for (size_t i = 0; i < batches.size(); i++) {
            if (i > 0 && !go_on()) {
                return false;
            }
            step.add(batches[i], stream_key(s_.seed, 0x64726f70, state_.step));
        }
        const double loss = step.loss() + method_->extra_loss();
        const double norm = global_grad_norm(engine_->runner(), method_->params());
        if (!std::isfinite(loss) || !std::isfinite(norm)) {
            if (steps_here_ == 0 && state_.step > 0) {
                go_back();
                return one_step();
            }
            throw failure("loss_not_finite", "The loss or gradient of step " + std::to_string(state_.step + 1) + " is not a finite number",
                          lower_rate_hint(), {{"step", std::to_string(state_.step + 1)}, {"last_checkpoint_path", last_checkpoint_.value_or("")},
                                              {"out_dir", s_.out_dir}, {"learning_rate", lower_rate()}});
        }
        const double rate = learning_rate_at(schedule_, state_.step + 1);
        adamw_step(engine_->runner(), method_->params(), s_.adamw, rate, state_.step + 1, norm);
        method_->after_step(state_.step + 1);

        const double seconds = std::max(1e-9, std::chrono::duration<double>(clock_type::now() - began).count());
        busy_seconds_ += seconds;
        tokens_here_ += tokens;
        steps_here_++;
        state_.step++;
        state_.tokens += tokens;
        state_.train_loss = loss;

        train_step e{};
        e.step              = state_.step;
        e.total_steps       = total_steps_;
        e.epoch             = (double) state_.step / (double) steps_per_epoch_;
        e.train_loss        = loss;
        e.learning_rate     = rate;
        e.grad_norm         = norm;
        e.tokens_per_second = (double) tokens / seconds;
        e.tokens            = tokens;
        e.supervised_tokens = supervised;
        e.elapsed_ms        = state_.elapsed_ms + elapsed_here();
        e.eta_ms            = (int64_t) ((double) (elapsed_here() - before_first_step_ms_) / (double) steps_here_ * (double) (total_steps_ - state_.step));
        e.peak_memory_bytes = peak_memory_bytes();
        e.metrics           = step.metrics();
        observe_.on_step(e);
        return true;
    }

    void validate() {
        observe_.on_status("validating");
        train_validation v{};
        v.step = state_.step;
        if (goal_->is_plain_mean()) {
            const std::optional<batch_loss> loss = state_.step == 0 && !method_->changes_base() ? base_loss() : loss_of_rows();
            state_.is_validation_due             = !loss;
            if (!loss) {
                return;
            }
            v.tokens     = loss->n_tokens;
            v.val_loss   = loss->nats / (double) loss->n_tokens;
            v.perplexity = std::exp(std::min(v.val_loss, 700.0));
        } else {
            const auto score = score_rows(parts(val_reference_.get()), *val_rows_, [this] { return !control_.stop; });
            state_.is_validation_due = !score;
            if (!score) {
                return;
            }
            v.val_loss   = score->loss;
            v.perplexity = std::exp(std::min(score->chosen_nats / (double) score->chosen_tokens, 700.0));
            v.tokens     = score->chosen_tokens;
            v.metrics    = score->metrics;
        }
        // The base is no state of the run to go back to.
        v.is_best = state_.step > 0 && (!state_.best_val_loss || v.val_loss < *state_.best_val_loss);
        if (!std::isfinite(v.val_loss)) {
            throw failure("loss_not_finite", "The validation loss of step " + std::to_string(state_.step) + " is not a finite number", lower_rate_hint(),
                          {{"step", std::to_string(state_.step)}, {"out_dir", s_.out_dir}, {"learning_rate", lower_rate()}});
        }
        if (state_.step > 0) {
            state_.val_loss = v.val_loss;
        }
        if (v.is_best) {
            state_.best_val_loss = v.val_loss;
        }
        observe_.on_validation(v);
        if (v.is_best) {
            const std::string folder = path_in("best");
            save_checkpoint(folder, *method_, state_now());
            observe_.on_checkpoint({state_.step, folder, "best"});
        }
        observe_.on_status("training");
    }

    /// Of the validation rows; nullopt when stopped before the last.
    std::optional<batch_loss> loss_of_rows() {
        const batch_loss loss = evaluate_rows(*engine_, *val_rows_, control_.stop);
        return control_.stop ? std::nullopt : std::optional(loss);
    }

    /// The same of the base, which every run on it shares.
    std::optional<batch_loss> base_loss() {
        const std::string with = s_.compute_type + " " + dev_->name() + " " + std::to_string(engine_->pass_tokens());
        char              name[64];
        std::snprintf(name, sizeof(name), "base-loss-%016llx", (unsigned long long) fnv1a(with.data(), with.size(), val_rows_->content_hash()));
        const std::string nats = std::string(name) + "-nats", tokens = std::string(name) + "-tokens";
        if (const auto known_nats = known_.find(nats), known_tokens = known_.find(tokens); known_nats && known_tokens) {
            return batch_loss{*known_nats, (int64_t) *known_tokens, {}};
        }
        const std::optional<batch_loss> loss = loss_of_rows();
        if (loss) {
            known_.keep(nats, loss->nats);
            known_.keep(tokens, (double) loss->n_tokens);
        }
        return loss;
    }

    /// A quarter of the run's, in few digits.
    std::string lower_rate() const {
        char number[32];
        std::snprintf(number, sizeof(number), "%.3g", s_.learning_rate / 4);
        return number;
    }

    /// A command that can be given as it stands.
    std::string lower_rate_hint() const {
        return "Go on with a lower learning rate: forja resume " + shell_word(s_.out_dir) + " --learning-rate " + lower_rate();
    }

    int64_t elapsed_here() const { return ms_since(began_) - std::chrono::duration_cast<std::chrono::milliseconds>(paused_).count(); }

    run_state state_now() const {
        run_state s = state_;
        s.elapsed_ms += elapsed_here();
        return s;
    }

    void checkpoint(const char * reason) {
        const std::string folder = checkpoint_folder(s_.out_dir, state_.step);
        if (train_reference_) {
            save_reference(reference_path(), reference_identity(), *train_reference_, val_reference_.get());
        }
        save_checkpoint(folder, *method_, state_now());
        last_checkpoint_ = folder;
        prune_checkpoints(s_.out_dir, s_.checkpoints_kept);
        observe_.on_checkpoint({state_.step, folder, reason});
    }

    train_result finish() {
        train_result r;
        r.completed = state_.step >= total_steps_ && !state_.is_validation_due;
        if (!r.completed) {
            observe_.on_status("stopping");
        }
        checkpoint(r.completed ? "final" : "stop");
        if (r.completed) {
            r.adapter_path = path_in("adapter.gguf");
            write_tuning(method_->saved(), *r.adapter_path);
            if (!method_->changes_base()) {
                observe_.on_warning({"nothing_learned", "Nothing was learned: the adapter changes nothing, so the tuned model is its base.",
                                     "Train again with a learning rate above 0 and more steps.", {}});
            }
        }
        r.steps = state_.step;
        if (state_.step > 0) {
            r.train_loss = state_.train_loss;
        }
        r.val_loss             = state_.val_loss;
        r.best_val_loss        = state_.best_val_loss;
        r.last_checkpoint_path = last_checkpoint_;
        r.trainable_parameters = method_->params().n_params();
        r.peak_memory_bytes    = peak_memory_bytes();
        r.tokens_per_second    = busy_seconds_ > 0 ? (double) tokens_here_ / busy_seconds_ : 0;
        r.duration_ms          = elapsed_here();
        return r;
    }

    const train_settings & s_;
    const train_observer & observe_;
    train_control &        control_;
    known_results          known_;

    std::shared_ptr<device>            dev_;
    std::shared_ptr<model>             base_;
    std::unique_ptr<method>            method_;
    std::unique_ptr<engine>            engine_;
    std::unique_ptr<row_set>           train_rows_, val_rows_;
    std::unique_ptr<objective>         goal_;
    std::unique_ptr<reference_losses>  train_reference_, val_reference_;
    std::optional<saved_tuning>        start_; // of a run that starts from an adapter
    std::unique_ptr<row_order>         order_;
    schedule_settings                  schedule_{};
    run_record                         record_;
    run_state                          state_;
    std::optional<std::string>         last_checkpoint_;
    int64_t rows_per_step_ = 1, pass_tokens_ = 0, steps_per_pass_ = 1, steps_per_epoch_ = 1, total_steps_ = 1, steps_here_ = 0, tokens_here_ = 0;
    int64_t eval_steps_ = 1, checkpoint_steps_ = 1, before_first_step_ms_ = 0;
    double                             busy_seconds_ = 0;
    clock_type::time_point             began_;
    clock_type::duration               paused_{};
};

} // namespace

train_result run_training(const train_settings & s, const train_observer & observer, train_control & control) {
    return run(s, observer, control).go();
}

} // namespace forja
