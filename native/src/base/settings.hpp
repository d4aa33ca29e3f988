// Written by `npm run generate` from native/protocol/job.schema.json, which says what each setting means. Do not edit.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace forja {

/// Whether a setting may change when a run goes on: `setting_keywords` in the schema says what each means.
enum class resume_rule { fixed, warned, free };

struct method_settings {
    std::string method = "lora";
    int64_t lora_rank = 16;
    double lora_alpha = 32;
    std::vector<std::string> target_modules = {"q", "k", "v", "o", "gate", "up", "down"};
    double lora_dropout = 0;
    bool use_rslora = false;
    double lora_plus_ratio = 1;
    std::string init_lora_weights = "kaiming";
    double neftune_noise_alpha = 0;
    std::optional<std::string> init_adapter_path;
};

struct objective_settings {
    std::string objective = "sft";
    double dpo_beta = 0.1;
    double dpo_label_smoothing = 0;
    std::string dpo_loss_type = "sigmoid";
    double orpo_beta = 0.1;
    double kto_beta = 0.1;
    double desirable_weight = 1;
    double undesirable_weight = 1;
};

struct adamw_settings {
    double weight_decay = 0;
    double adam_beta1 = 0.9;
    double adam_beta2 = 0.999;
    double adam_epsilon = 1e-8;
    double max_grad_norm = 1;
};

/// Fine-tunes an adapter.
struct train_settings {
    std::string model_path;
    std::string train_tokens_path;
    std::optional<std::string> val_tokens_path;
    std::string out_dir;
    std::optional<std::string> resume_path;
    std::optional<std::string> known_dir;
    method_settings method;
    objective_settings objective;
    double learning_rate = 0.0002;
    double epochs = 1;
    int64_t max_steps = 0;
    std::string lr_scheduler = "linear";
    int64_t warmup_steps = 0;
    double warmup_ratio = 0.03;
    adamw_settings adamw;
    int64_t seed = 1;
    int64_t split_seed = 1;
    int64_t max_seq_len = 512;
    int64_t text_overlap_tokens = 0;
    int64_t micro_batch_size = 1;
    int64_t gradient_accumulation_steps = 4;
    int64_t eval_steps = 0;
    int64_t checkpoint_steps = 0;
    int64_t max_val_rows = 0;
    int64_t checkpoints_kept = 3;
    std::string device = "cpu";
    int64_t threads = 0;
    std::string compute_type = "auto";
    int64_t activation_budget_bytes = -1;
    int64_t device_memory_limit_bytes = 0;
};

/// Mean loss and perplexity of a token file.
struct score_settings {
    std::string model_path;
    std::optional<std::string> adapter_path;
    std::string tokens_path;
    bool row_losses = false;
    int64_t max_seq_len = 512;
    std::string device = "cpu";
    int64_t threads = 0;
    std::string compute_type = "auto";
};

/// Reads rows from stdin, one JSON object a line: {"row": source row number, "segments": [[text, 0 or 1, 0 or 1], ...]} where the first 1 marks text to learn and the second, which may be left out, text in which the marks of control tokens are only text; writes a token file.
struct tokenize_settings {
    std::string model_path;
    std::string output_path;
    int64_t max_seq_len = 512;
    int64_t text_overlap_tokens = 0;
    std::string row_kind = "rows";
    int64_t dataset_rows = 0;
    int64_t threads = 0;
};

/// What a model file is and whether it can be trained.
struct inspect_settings {
    std::string model_path;
};

/// Writes the tuned model or the adapter alone.
struct export_settings {
    std::string model_path;
    std::string adapter_path;
    std::string format = "gguf";
    std::string output_type = "auto";
    std::string output_path;
    bool overwrite = false;
    double kept_share_wanted = 0.95;
    std::optional<std::string> trial_tokens_path;
    std::optional<std::string> calibration_tokens_path;
    int64_t max_calibration_tokens = 0;
    int64_t max_seq_len = 512;
    int64_t threads = 0;
    std::string device = "cpu";
};

/// Scores an export against the live adapter with stock llama.cpp.
struct verify_settings {
    std::string model_path;
    std::string adapter_path;
    std::string exported_path;
    std::string format = "gguf";
    std::string tokens_path;
    int64_t max_rows = 64;
    int64_t max_tokens = 0;
    int64_t max_seq_len = 512;
    int64_t threads = 0;
    std::string device = "cpu";
};

/// Times training, or llama.cpp's own forward pass, on random tokens.
struct bench_settings {
    std::string model_path;
    std::string mode = "train";
    int64_t max_seq_len = 512;
    int64_t micro_batch_size = 1;
    method_settings method;
    int64_t steps = 3;
    std::string device = "cpu";
    int64_t threads = 0;
    std::string compute_type = "auto";
    int64_t activation_budget_bytes = -1;
    int64_t device_memory_limit_bytes = 0;
};

/// Calls use(name, field) for each field of a job, in the order of the schema.
template <typename Settings, typename Use> requires std::same_as<std::remove_const_t<Settings>, train_settings>
void each_field(Settings & s, Use && use) {
    use("model_path", s.model_path);
    use("train_tokens_path", s.train_tokens_path);
    use("val_tokens_path", s.val_tokens_path);
    use("out_dir", s.out_dir);
    use("resume_path", s.resume_path);
    use("known_dir", s.known_dir);
    use("method", s.method.method);
    use("lora_rank", s.method.lora_rank);
    use("lora_alpha", s.method.lora_alpha);
    use("target_modules", s.method.target_modules);
    use("lora_dropout", s.method.lora_dropout);
    use("use_rslora", s.method.use_rslora);
    use("lora_plus_ratio", s.method.lora_plus_ratio);
    use("init_lora_weights", s.method.init_lora_weights);
    use("neftune_noise_alpha", s.method.neftune_noise_alpha);
    use("init_adapter_path", s.method.init_adapter_path);
    use("objective", s.objective.objective);
    use("dpo_beta", s.objective.dpo_beta);
    use("dpo_label_smoothing", s.objective.dpo_label_smoothing);
    use("dpo_loss_type", s.objective.dpo_loss_type);
    use("orpo_beta", s.objective.orpo_beta);
    use("kto_beta", s.objective.kto_beta);
    use("desirable_weight", s.objective.desirable_weight);
    use("undesirable_weight", s.objective.undesirable_weight);
    use("learning_rate", s.learning_rate);
    use("epochs", s.epochs);
    use("max_steps", s.max_steps);
    use("lr_scheduler", s.lr_scheduler);
    use("warmup_steps", s.warmup_steps);
    use("warmup_ratio", s.warmup_ratio);
    use("weight_decay", s.adamw.weight_decay);
    use("adam_beta1", s.adamw.adam_beta1);
    use("adam_beta2", s.adamw.adam_beta2);
    use("adam_epsilon", s.adamw.adam_epsilon);
    use("max_grad_norm", s.adamw.max_grad_norm);
    use("seed", s.seed);
    use("split_seed", s.split_seed);
    use("max_seq_len", s.max_seq_len);
    use("text_overlap_tokens", s.text_overlap_tokens);
    use("micro_batch_size", s.micro_batch_size);
    use("gradient_accumulation_steps", s.gradient_accumulation_steps);
    use("eval_steps", s.eval_steps);
    use("checkpoint_steps", s.checkpoint_steps);
    use("max_val_rows", s.max_val_rows);
    use("checkpoints_kept", s.checkpoints_kept);
    use("device", s.device);
    use("threads", s.threads);
    use("compute_type", s.compute_type);
    use("activation_budget_bytes", s.activation_budget_bytes);
    use("device_memory_limit_bytes", s.device_memory_limit_bytes);
}

template <typename Settings, typename Use> requires std::same_as<std::remove_const_t<Settings>, score_settings>
void each_field(Settings & s, Use && use) {
    use("model_path", s.model_path);
    use("adapter_path", s.adapter_path);
    use("tokens_path", s.tokens_path);
    use("row_losses", s.row_losses);
    use("max_seq_len", s.max_seq_len);
    use("device", s.device);
    use("threads", s.threads);
    use("compute_type", s.compute_type);
}

template <typename Settings, typename Use> requires std::same_as<std::remove_const_t<Settings>, tokenize_settings>
void each_field(Settings & s, Use && use) {
    use("model_path", s.model_path);
    use("output_path", s.output_path);
    use("max_seq_len", s.max_seq_len);
    use("text_overlap_tokens", s.text_overlap_tokens);
    use("row_kind", s.row_kind);
    use("dataset_rows", s.dataset_rows);
    use("threads", s.threads);
}

template <typename Settings, typename Use> requires std::same_as<std::remove_const_t<Settings>, inspect_settings>
void each_field(Settings & s, Use && use) {
    use("model_path", s.model_path);
}

template <typename Settings, typename Use> requires std::same_as<std::remove_const_t<Settings>, export_settings>
void each_field(Settings & s, Use && use) {
    use("model_path", s.model_path);
    use("adapter_path", s.adapter_path);
    use("format", s.format);
    use("output_type", s.output_type);
    use("output_path", s.output_path);
    use("overwrite", s.overwrite);
    use("kept_share_wanted", s.kept_share_wanted);
    use("trial_tokens_path", s.trial_tokens_path);
    use("calibration_tokens_path", s.calibration_tokens_path);
    use("max_calibration_tokens", s.max_calibration_tokens);
    use("max_seq_len", s.max_seq_len);
    use("threads", s.threads);
    use("device", s.device);
}

template <typename Settings, typename Use> requires std::same_as<std::remove_const_t<Settings>, verify_settings>
void each_field(Settings & s, Use && use) {
    use("model_path", s.model_path);
    use("adapter_path", s.adapter_path);
    use("exported_path", s.exported_path);
    use("format", s.format);
    use("tokens_path", s.tokens_path);
    use("max_rows", s.max_rows);
    use("max_tokens", s.max_tokens);
    use("max_seq_len", s.max_seq_len);
    use("threads", s.threads);
    use("device", s.device);
}

template <typename Settings, typename Use> requires std::same_as<std::remove_const_t<Settings>, bench_settings>
void each_field(Settings & s, Use && use) {
    use("model_path", s.model_path);
    use("mode", s.mode);
    use("max_seq_len", s.max_seq_len);
    use("micro_batch_size", s.micro_batch_size);
    use("lora_rank", s.method.lora_rank);
    use("lora_dropout", s.method.lora_dropout);
    use("target_modules", s.method.target_modules);
    use("steps", s.steps);
    use("device", s.device);
    use("threads", s.threads);
    use("compute_type", s.compute_type);
    use("activation_budget_bytes", s.activation_budget_bytes);
    use("device_memory_limit_bytes", s.device_memory_limit_bytes);
}

/// Calls use(name, value, rule) for each setting of a run: what a person chooses, without the paths that the core fills in.
template <typename Use> void each_setting(const train_settings & s, Use && use) {
    use("method", s.method.method, resume_rule::fixed);
    use("lora_rank", s.method.lora_rank, resume_rule::fixed);
    use("lora_alpha", s.method.lora_alpha, resume_rule::warned);
    use("target_modules", s.method.target_modules, resume_rule::fixed);
    use("lora_dropout", s.method.lora_dropout, resume_rule::warned);
    use("use_rslora", s.method.use_rslora, resume_rule::warned);
    use("lora_plus_ratio", s.method.lora_plus_ratio, resume_rule::warned);
    use("init_lora_weights", s.method.init_lora_weights, resume_rule::free);
    use("neftune_noise_alpha", s.method.neftune_noise_alpha, resume_rule::warned);
    use("init_adapter_path", s.method.init_adapter_path, resume_rule::fixed);
    use("objective", s.objective.objective, resume_rule::fixed);
    use("dpo_beta", s.objective.dpo_beta, resume_rule::warned);
    use("dpo_label_smoothing", s.objective.dpo_label_smoothing, resume_rule::warned);
    use("dpo_loss_type", s.objective.dpo_loss_type, resume_rule::warned);
    use("orpo_beta", s.objective.orpo_beta, resume_rule::warned);
    use("kto_beta", s.objective.kto_beta, resume_rule::warned);
    use("desirable_weight", s.objective.desirable_weight, resume_rule::warned);
    use("undesirable_weight", s.objective.undesirable_weight, resume_rule::warned);
    use("learning_rate", s.learning_rate, resume_rule::warned);
    use("epochs", s.epochs, resume_rule::warned);
    use("max_steps", s.max_steps, resume_rule::warned);
    use("lr_scheduler", s.lr_scheduler, resume_rule::warned);
    use("warmup_steps", s.warmup_steps, resume_rule::warned);
    use("warmup_ratio", s.warmup_ratio, resume_rule::warned);
    use("weight_decay", s.adamw.weight_decay, resume_rule::warned);
    use("adam_beta1", s.adamw.adam_beta1, resume_rule::warned);
    use("adam_beta2", s.adamw.adam_beta2, resume_rule::warned);
    use("adam_epsilon", s.adamw.adam_epsilon, resume_rule::warned);
    use("max_grad_norm", s.adamw.max_grad_norm, resume_rule::warned);
    use("seed", s.seed, resume_rule::fixed);
    use("split_seed", s.split_seed, resume_rule::fixed);
    use("max_seq_len", s.max_seq_len, resume_rule::fixed);
    use("text_overlap_tokens", s.text_overlap_tokens, resume_rule::fixed);
    use("micro_batch_size", s.micro_batch_size, resume_rule::warned);
    use("gradient_accumulation_steps", s.gradient_accumulation_steps, resume_rule::warned);
    use("eval_steps", s.eval_steps, resume_rule::free);
    use("checkpoint_steps", s.checkpoint_steps, resume_rule::free);
    use("max_val_rows", s.max_val_rows, resume_rule::fixed);
    use("checkpoints_kept", s.checkpoints_kept, resume_rule::free);
    use("device", s.device, resume_rule::warned);
    use("threads", s.threads, resume_rule::free);
    use("compute_type", s.compute_type, resume_rule::warned);
    use("activation_budget_bytes", s.activation_budget_bytes, resume_rule::warned);
    use("device_memory_limit_bytes", s.device_memory_limit_bytes, resume_rule::warned);
}

} // namespace forja
