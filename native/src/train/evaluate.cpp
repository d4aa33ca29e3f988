#include "train/evaluate.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/memory.hpp"
#include "data/vocab.hpp"

namespace forja {

batch_loss evaluate_rows(engine & e, const row_set & rows, const std::atomic<bool> & cancelled, const progress_fn & progress,
                         const row_loss_fn & on_row) {
    const int64_t pass_tokens = on_row ? 0 : e.pass_tokens(); // 0: one row a pass
    batch_loss    total;
    for (int64_t i = 0; i < rows.count() && !cancelled;) {
        const int64_t first = i;
        micro_batch   mb;
        do {
            rows.append_first(mb, i++); // of a pair, the answer that is to be given
        } while (i < rows.count() && mb.n_tokens() + rows.tokens_of(i) <= pass_tokens);
        const batch_loss loss = e.evaluate(mb);
        total.nats += loss.nats;
        total.n_tokens += loss.n_tokens;
        if (on_row) {
            on_row(rows.source_row(first), loss.nats, loss.n_tokens);
        }
        if (progress) {
            progress(i, rows.count());
        }
    }
    return total;
}

score_result run_score(const score_settings & s, const progress_fn & progress, const row_loss_fn & on_row) {
    auto dev  = device::open(s.device, s.threads);
    auto file = gguf_file::open(s.model_path);
    auto base = model::load(file, dev, s.max_seq_len, true);

    const vocab_identity vocab  = identify_vocab(*file);
    auto                 tokens = token_file::open(s.tokens_path);
    tokens->require_vocab(vocab.n_vocab, vocab.vocab_hash);
    const row_set rows(tokens, s.max_seq_len);
    if (rows.count() == 0) {
        throw error("dataset_empty", s.tokens_path + ": no row has anything to score within " + std::to_string(s.max_seq_len) + " tokens",
                    "Raise max_seq_len, or check which part of each row is the answer.", {{"path", s.tokens_path}});
    }
    std::unique_ptr<method> tuning;
    if (s.adapter_path) {
        tuning = method_from_saved(read_tuning(*s.adapter_path), *base, false);
    }
    engine::options options;
    options.prec       = precision_of(s.compute_type);
    options.max_tokens = rows.most_tokens(1);
    options.training   = false;
    engine e(base, tuning.get(), options);

    const std::atomic<bool> never{false};
    const batch_loss        loss = evaluate_rows(e, rows, never, progress, on_row);
    score_result            r;
    r.mean_loss = loss.nats / (double) loss.n_tokens;
    if (!std::isfinite(r.mean_loss)) {
        throw failure("loss_not_finite", "The loss of " + s.tokens_path + " is not a finite number", "Check the model and the adapter.");
    }
    r.perplexity        = std::exp(std::min(r.mean_loss, 700.0));
    r.tokens            = loss.n_tokens;
    r.rows              = rows.count();
    r.peak_memory_bytes = peak_memory_bytes();
    return r;
}

} // namespace forja
