// The train and score jobs, and the commands that a running job takes on stdin.
#include <cmath>

#include "commands.hpp"
#include "read-settings.hpp"
#include "starter.hpp"
#include "train/evaluate.hpp"
#include "train/trainer.hpp"

namespace forja {
using nlohmann::json;

namespace {

template <typename T> json or_null(const std::optional<T> & v) { return v ? json(*v) : json(nullptr); }

// Obeys until the end of input, which asks for a stop: whoever started the job is gone.
void listen(std::shared_ptr<train_control> control) { // the thread holds its own share of it
    listen_to_starter(
        [control](const std::string & line) {
            if (line == "pause") {
                control->pause = true;
            } else if (line == "resume") {
                control->pause = false;
            } else if (line == "checkpoint") {
                control->checkpoint = true;
            } else if (line == "stop") {
                control->stop = true;
            }
        },
        [control] { control->stop = true; });
}

} // namespace

job_result train_command(const json & job, event_writer & out) {
    auto control = std::make_shared<train_control>();
    listen(control);

    train_observer observe;
    observe.on_status  = [&](const std::string & phase) { out.status(phase); };
    observe.on_warning = [&](const warning & w) { out.warn(w); };
    observe.on_plan    = [&](const train_plan & p) {
        out.emit("plan", {{"architecture", p.architecture}, {"base_type", p.base_type}, {"n_layer", p.n_layer}, {"n_params", p.n_params},
                          {"trainable_parameters", p.trainable_parameters}, {"rows", p.rows}, {"dataset_rows", p.dataset_rows}, {"val_rows", p.val_rows},
                          {"steps_per_epoch", p.steps_per_epoch}, {"total_steps", p.total_steps}, {"start_step", p.start_step},
                          {"skipped_rows", p.skipped_rows}, {"truncated_rows", p.truncated_rows}, {"device", p.device}, {"threads", p.threads}});
    };
    observe.on_step = [&](const train_step & e) {
        out.emit("step", {{"step", e.step}, {"total_steps", e.total_steps}, {"epoch", e.epoch}, {"train_loss", e.train_loss},
                          {"learning_rate", e.learning_rate}, {"grad_norm", e.grad_norm}, {"tokens_per_second", e.tokens_per_second},
                          {"tokens", e.tokens}, {"supervised_tokens", e.supervised_tokens}, {"elapsed_ms", e.elapsed_ms},
                          {"eta_ms", e.eta_ms}, {"peak_memory_bytes", e.peak_memory_bytes}, {"metrics", e.metrics}});
    };
    observe.on_validation = [&](const train_validation & v) {
        out.emit("validation", {{"step", v.step}, {"val_loss", v.val_loss}, {"perplexity", v.perplexity}, {"tokens", v.tokens}, {"is_best", v.is_best}, {"metrics", v.metrics}});
    };
    observe.on_checkpoint = [&](const train_checkpoint & c) {
        out.emit("checkpoint", {{"step", c.step}, {"path", c.path}, {"reason", c.reason}});
    };

    const train_result r = run_training(read_settings<train_settings>(job), observe, *control);
    job_result         result;
    result.data = {{"status", r.completed ? "completed" : "stopped"},
                   {"steps", r.steps},
                   {"train_loss", or_null(r.train_loss)},
                   {"val_loss", or_null(r.val_loss)},
                   {"best_val_loss", or_null(r.best_val_loss)},
                   {"adapter_path", or_null(r.adapter_path)},
                   {"last_checkpoint_path", or_null(r.last_checkpoint_path)},
                   {"trainable_parameters", r.trainable_parameters},
                   {"peak_memory_bytes", r.peak_memory_bytes},
                   {"tokens_per_second", r.tokens_per_second},
                   {"duration_ms", r.duration_ms}};
    result.exit = r.completed ? exit_kind::ok : exit_kind::stopped;
    return result;
}

job_result score_command(const json & job, event_writer & out) {
    out.status("scoring");
    const auto  settings = read_settings<score_settings>(job);
    row_loss_fn on_row;
    if (settings.row_losses) {
        // A value that is no number has no place in JSON; the job ends with loss_not_finite then.
        on_row = [&](uint64_t row, double nats, int64_t tokens) {
            if (std::isfinite(nats)) {
                out.emit("row_loss", {{"row", row}, {"nats", nats}, {"tokens", tokens}});
            }
        };
    }
    const score_result r = run_score(settings, out.progress("scoring", "rows"), on_row);
    return {{{"mean_loss", r.mean_loss}, {"perplexity", r.perplexity}, {"tokens", r.tokens}, {"rows", r.rows}, {"peak_memory_bytes", r.peak_memory_bytes}}};
}

} // namespace forja
