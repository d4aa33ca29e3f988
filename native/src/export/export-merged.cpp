#include "export/export-merged.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "base/files.hpp"
#include "export/loadable-tuning.hpp"
#include "export/merged-model.hpp"
#include "ops/device.hpp"

namespace forja {

namespace fs = std::filesystem;

namespace {

/// A file that is removed again unless it is kept.
class trial_file {
  public:
    trial_file(const std::string & output_path, const std::string & type) : path_(output_path + ".trial-" + type + ".gguf") {}
    ~trial_file() {
        std::error_code ec;
        fs::remove(utf8_path(path_), ec);
    }
    trial_file(const trial_file &)             = delete;
    trial_file & operator=(const trial_file &) = delete;

    const std::string & path() const { return path_; }

    /// Gives it its name for good. @throws failure write_failed
    void keep_as(const std::string & output_path) const {
        std::error_code ec;
        fs::rename(utf8_path(path_), utf8_path(output_path), ec);
        if (ec) {
            throw failure("write_failed", "Cannot write " + output_path + ": " + ec.message(), "Check the folder, and export again.", {{"path", output_path}, {"reason", ec.message()}});
        }
    }

  private:
    std::string path_;
};

// Seen on an AVX2 processor, for each thread; only to tell minutes from hours.
constexpr double multiplications_a_second = 12e9;
// Who didn't ask for it shouldn't wait longer for a type.
constexpr double most_minutes = 20;
// Of the held-out rows, at most; fewer where they are long.
constexpr uint64_t trial_rows = 64;

std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f", 100.0 * share);
    return text;
}

/// Whether some type that may be written can use the inputs of the adapted matrices.
bool can_use_inputs(const std::string & output_type, const gguf_file & base, const saved_tuning & saved) {
    if (output_type == "auto") {
        return true;
    }
    const input_sketches          none;
    const std::vector<ggml_type> types = merged_model(base, saved, output_type, none, {}).types();
    for (size_t i = 0; i < types.size(); ++i) {
        if (saved.has(base.tensors()[i].name) && rounds_with_feedback(types[i])) {
            return true;
        }
    }
    return false;
}

/// The live model as libllama loads it, made when it is first asked for.
class live_model {
  public:
    live_model(const export_settings & o, const gguf_file & base, const saved_tuning & saved, int threads) : o_(o), base_(base), saved_(saved), threads_(threads) {}

    const std::string & model_path() { return made().model_path().empty() ? o_.model_path : made().model_path(); }
    const std::string & adapter_path() { return made().adapter_path(); }

  private:
    const loadable_tuning & made() {
        if (!loadable_) {
            loadable_.emplace(saved_, base_, o_.adapter_path, o_.output_path + ".live.gguf", threads_);
        }
        return *loadable_;
    }

    const export_settings &        o_;
    const gguf_file &              base_;
    const saved_tuning &           saved_;
    int                            threads_;
    std::optional<loadable_tuning> loadable_;
};

/// Inputs of the tuned matrices, where rows to learn from are given and some type that may be written can use them.
input_sketches inputs_for(const export_settings & o, const gguf_file & base, const saved_tuning & saved, live_model & live, int threads, const export_observer & observe) {
    if (!o.calibration_tokens_path || !can_use_inputs(o.output_type, base, saved)) {
        return {};
    }
    std::vector<std::string> matrices;
    uint64_t                 n_params = 0;
    double                   work = 0; // multiplications
    for (const tensor_info & t : base.tensors()) {
        n_params += static_cast<uint64_t>(t.ne[0] * t.ne[1] * t.ne[2] * t.ne[3]);
    }
    for (const std::string & site : saved.sites()) {
        const tensor_info & t    = *base.find(site);
        const int64_t       n_in = t.ne[0];
        matrices.push_back(site);
        work += static_cast<double>(n_in * t.ne[1]) * rounding_work(n_in);
    }
    const double minutes = work / (multiplications_a_second * threads * 60.0);
    if (minutes > most_minutes && o.max_calibration_tokens == 0) {
        const std::string text = std::to_string(static_cast<int64_t>(minutes));
        observe.on_warning({"export_rounded_plainly", "Weights are rounded to the nearest value: doing it with the rows in mind would take about " + text + " minutes for each type on " + std::to_string(threads) + " threads.",
                            "Give --max-calibration-tokens 1024 to have it all the same: small types then keep more.", {{"minutes", text}, {"threads", std::to_string(threads)}}});
        return {};
    }
    const uint64_t tokens = o.max_calibration_tokens > 0 ? (uint64_t) o.max_calibration_tokens : default_calibration_tokens(n_params);
    observe.on_status("calibrating");
    return collect_inputs({live.model_path(), live.adapter_path(), *o.calibration_tokens_path, tokens, (uint32_t) o.max_seq_len, threads, o.device}, matrices, observe.progress("calibrating", "tokens"));
}

} // namespace

uint64_t default_calibration_tokens(uint64_t n_params) {
    return static_cast<uint64_t>(std::clamp(768.0 * 1e9 / static_cast<double>(std::max<uint64_t>(n_params, 1)), 512.0, 768.0));
}

merged_export export_merged(const export_settings & o, const gguf_file & base, const saved_tuning & saved, const export_observer & observe) {
    const int           threads = o.threads > 0 ? (int) o.threads : physical_cores();
    live_model          live(o, base, saved, threads);
    const input_sketches inputs = inputs_for(o, base, saved, live, threads, observe);
    merged_export       result;
    const auto          write = [&](const std::string & type, const std::string & path) {
        observe.on_status("exporting");
        return merge_to_gguf(base, saved, type, path, threads, observe.progress("exporting", "bytes"), observe.on_warning, inputs);
    };
    if (o.output_type != "auto") {
        result.merged = write(o.output_type, o.output_path);
        return result;
    }

    std::optional<type_trial> trial;
    if (o.trial_tokens_path) {
        observe.on_status("trying_types");
        trial.emplace(trial_options{o.model_path, live.model_path(), live.adapter_path(), *o.trial_tokens_path, trial_rows, 0, (uint32_t) o.max_seq_len, threads, o.device}, observe.progress("trying_types", "rows"));
    }
    if (!trial || !trial->has_gain()) {
        const std::string type = type_without_trial(base);
        observe.on_warning({"export_type_not_tried",
                            std::string(trial ? "Tuning doesn't lower the loss on these rows" : "There are no rows to try types on") + ", so types can't be compared: the export is of type " + type + ".",
                            "Name a type to have another.", {{"output_type", type}, {"has_rows", trial ? "true" : "false"}}});
        result.merged = write(type, o.output_path);
        return result;
    }

    result.types = types_to_try(base, saved);
    observe.on_types(trial->base_loss(), trial->tuned_loss(), result.types);
    std::optional<size_t> best;
    for (size_t i = 0; i < result.types.size(); ++i) {
        tried_type & type = result.types[i];
        trial_file   file(o.output_path, type.output_type);
        const auto   merged = write(type.output_type, file.path());
        observe.on_status("trying_types");
        type = trial->try_file(type.output_type, file.path(), observe.progress("trying_types", "rows"));
        observe.on_types(trial->base_loss(), trial->tuned_loss(), result.types);
        if (!best || *type.kept_share > *result.types[*best].kept_share) {
            best = i;
        }
        if (*type.kept_share >= o.kept_share_wanted) {
            file.keep_as(o.output_path);
            result.merged = merged;
            return result;
        }
    }
    // None keeps enough: the best once more, so that no two files of this size need to lie there at a time.
    const tried_type & most = result.types[*best];
    observe.on_warning({"export_keeps_less", "No type keeps " + percent(o.kept_share_wanted) + " % of what was learned on these rows; " + most.output_type + " keeps most of it, " + percent(*most.kept_share) + " %.",
                        "The adapter beside the base model (format gguf-adapter) loses nothing.",
                        {{"output_type", most.output_type}, {"kept_percent", percent(*most.kept_share)}, {"wanted_percent", percent(o.kept_share_wanted)}}});
    result.merged = write(most.output_type, o.output_path);
    return result;
}

} // namespace forja
