// The train and score jobs, and the commands that a running job takes on stdin.
#include <cerrno>
#include <thread>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

#include "commands.hpp"
#include "train/evaluate.hpp"
#include "train/trainer.hpp"

namespace forja {
using nlohmann::json;

namespace {

std::optional<std::string> text_or_null(const json & job, const char * key) {
    return job.contains(key) && job[key].is_string() ? std::optional<std::string>(job[key].get<std::string>()) : std::nullopt;
}

template <typename T> json or_null(const std::optional<T> & v) { return v ? json(*v) : json(nullptr); }

precision precision_of(const json & job) { return job["compute_type"] == "f32" ? precision::f32 : precision::fast; }

train_settings settings_of(const json & job) {
    train_settings s;
    s.model_path            = job["model_path"];
    s.train_tokens_path     = job["train_tokens_path"];
    s.val_tokens_path       = text_or_null(job, "val_tokens_path");
    s.out_dir               = job["out_dir"];
    s.method.method         = job["method"];
    s.method.lora_rank      = job["lora_rank"];
    s.method.lora_alpha     = job["lora_alpha"];
    s.method.lora_dropout   = job["lora_dropout"];
    s.method.use_rslora     = job["use_rslora"];
    s.method.target_modules = job["target_modules"].get<std::vector<std::string>>();
    s.learning_rate         = job["learning_rate"];
    s.adamw.weight_decay    = job["weight_decay"];
    s.adamw.adam_beta1      = job["adam_beta1"];
    s.adamw.adam_beta2      = job["adam_beta2"];
    s.adamw.adam_epsilon    = job["adam_epsilon"];
    s.adamw.max_grad_norm   = job["max_grad_norm"];
    s.lr_scheduler          = job["lr_scheduler"];
    s.warmup_steps          = job["warmup_steps"];
    s.warmup_ratio          = job["warmup_ratio"];
    s.micro_batch_size      = job["micro_batch_size"];
    s.gradient_accumulation_steps = job["gradient_accumulation_steps"];
    s.max_seq_len           = job["max_seq_len"];
    s.epochs                = job["epochs"];
    s.max_steps             = job["max_steps"];
    s.seed                  = job["seed"];
    s.eval_steps            = job["eval_steps"];
    s.checkpoint_steps      = job["checkpoint_steps"];
    s.checkpoints_kept      = job["checkpoints_kept"];
    s.device                = job["device"];
    s.threads               = job["threads"];
    s.compute_type          = precision_of(job);
    s.activation_budget_bytes = job["activation_budget_bytes"];
    s.device_memory_limit_bytes = job["device_memory_limit_bytes"];
    s.init_adapter_path     = text_or_null(job, "init_adapter_path");
    s.resume_path           = text_or_null(job, "resume_path");
    return s;
}

// The lines of stdin, read from the system itself: C's and C++'s streams hold a lock while they wait, and a process that ends takes
// the locks of all its streams.
class command_lines {
  public:
    // Without its end; false at the end of input.
    bool next(std::string & line) {
        size_t end;
        while ((end = pending_.find('\n')) == std::string::npos) {
            char piece[256];
#ifdef _WIN32
            const int n = _read(0, piece, sizeof piece);
#else
            const ssize_t n = ::read(0, piece, sizeof piece);
#endif
            if (n < 0 && errno == EINTR) {
                continue;
            }
            if (n <= 0) {
                return false;
            }
            pending_.append(piece, (size_t) n);
        }
        line = pending_.substr(0, end);
        pending_.erase(0, end + 1);
        return true;
    }

  private:
    std::string pending_;
};

// Reads commands until the end of input, which asks for a stop: whoever started the job is gone.
void listen(std::shared_ptr<train_control> control) {
    std::thread([control] {
        command_lines lines;
        for (std::string line; lines.next(line);) {
            if (!line.empty() && line.back() == '\r') {
                line.pop_back();
            }
            if (line == "pause") {
                control->pause = true;
            } else if (line == "resume") {
                control->pause = false;
            } else if (line == "checkpoint") {
                control->checkpoint = true;
            } else if (line == "stop") {
                control->stop = true;
            }
        }
        control->stop = true;
    }).detach(); // blocked in a read when the job is done; it holds its own share of control
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
                          {"eta_ms", e.eta_ms}, {"peak_memory_bytes", e.peak_memory_bytes}});
    };
    observe.on_validation = [&](const train_validation & v) {
        out.emit("validation", {{"step", v.step}, {"val_loss", v.val_loss}, {"perplexity", v.perplexity}, {"tokens", v.tokens}, {"is_best", v.is_best}});
    };
    observe.on_checkpoint = [&](const train_checkpoint & c) {
        out.emit("checkpoint", {{"step", c.step}, {"path", c.path}, {"reason", c.reason}});
    };

    const train_result r = run_training(settings_of(job), observe, *control);
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
    score_settings s;
    s.model_path   = job["model_path"];
    s.tokens_path  = job["tokens_path"];
    s.adapter_path = text_or_null(job, "adapter_path");
    s.max_seq_len  = job["max_seq_len"];
    s.device       = job["device"];
    s.threads      = job["threads"];
    s.compute_type = precision_of(job);
    out.status("scoring");
    const score_result r = run_score(s, out.progress("scoring", "rows"));
    return {{{"mean_loss", r.mean_loss}, {"perplexity", r.perplexity}, {"tokens", r.tokens}, {"rows", r.rows}, {"peak_memory_bytes", r.peak_memory_bytes}}};
}

} // namespace forja
