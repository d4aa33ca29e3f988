// Short training runs on tiny models, and what they told on the way.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "support/scenario.hpp"
#include "train/trainer.hpp"

namespace forja::test {

/// Rows of unequal length; the last one has nothing to learn.
inline std::string rows_file(const temporary_folder & folder, const std::string & model_path, int n_rows, uint64_t seed, uint64_t dataset_rows = 0) {
    const vocab_identity vocab = identify_vocab(*gguf_file::open(model_path));
    const std::string    path  = folder.path("rows-" + std::to_string(n_rows) + "-" + std::to_string(seed) + "-" + std::to_string(dataset_rows) + ".fjt");
    token_file_writer    out(path, vocab.n_vocab, vocab.vocab_hash, dataset_rows);
    for (int i = 0; i < n_rows; i++) {
        const auto row = random_row(seed + i, 2 + i % 5, 3 + i * 7 % 13);
        out.add_row(row.data(), row.size(), i);
    }
    const auto prompt = random_row(seed + 999, 6, 0);
    out.add_row(prompt.data(), prompt.size(), n_rows);
    out.finish();
    return path;
}

struct history {
    std::vector<train_step>       steps;
    std::vector<train_validation> validations;
    std::vector<train_checkpoint> checkpoints;
    std::vector<std::string>      warnings;
    train_plan                    plan{};
    train_result                  result;
};

/// Runs to the end, or asks to stop after step `stop_after`.
inline history train(const train_settings & s, int64_t stop_after = 0) {
    history        h;
    train_control  control;
    train_observer o;
    o.on_plan       = [&](const train_plan & p) { h.plan = p; };
    o.on_validation = [&](const train_validation & v) { h.validations.push_back(v); };
    o.on_checkpoint = [&](const train_checkpoint & c) { h.checkpoints.push_back(c); };
    o.on_warning    = [&](const warning & w) { h.warnings.push_back(w.code); };
    o.on_step       = [&](const train_step & e) {
        h.steps.push_back(e);
        if (e.step == stop_after) {
            control.stop = true;
        }
    };
    h.result = run_training(s, o, control);
    return h;
}

inline bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

/// Nine steps on 14 rows, in `out` inside the folder.
inline train_settings settings(const temporary_folder & folder, const std::string & model_path, const std::string & out) {
    train_settings s;
    s.model_path                  = model_path;
    s.train_tokens_path           = rows_file(folder, model_path, 14, 100);
    s.out_dir                     = folder.path(out);
    s.method.lora_rank            = 4;
    s.learning_rate               = 0.01;
    s.warmup_ratio                = 0;
    s.warmup_steps                = 2;
    s.micro_batch_size            = 2;
    s.gradient_accumulation_steps = 2;
    s.max_steps                   = 9; // four steps an epoch, the last of two rows
    s.max_seq_len                 = 24;
    s.threads                     = 1;
    return s;
}

} // namespace forja::test
