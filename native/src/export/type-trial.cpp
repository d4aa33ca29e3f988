#include "export/type-trial.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/error.hpp"
#include "base/files.hpp"
#include "data/token-file.hpp"
#include "export/llama-scorer.hpp"
#include "export/merged-model.hpp"
#include "export/row-scores.hpp"
#include "export/share-out.hpp"
#include "export/verify.hpp"

namespace forja {

namespace {

// Less gain than this is within the noise of different kernels.
constexpr double tiny_gain = 1e-3;
// Each has a cache of its own.
constexpr int most_contexts = 4;

/// Bits a weight of the type that most of the blocks' bytes have.
double bits_of(const gguf_file & base) {
    std::map<ggml_type, size_t> bytes;
    for (const tensor_info & t : base.tensors()) {
        if (t.name.rfind("blk.", 0) == 0 && t.n_dims > 1) {
            bytes[t.type] += t.n_bytes;
        }
    }
    const auto most = std::max_element(bytes.begin(), bytes.end(), [](const auto & a, const auto & b) { return a.second < b.second; });
    return most == bytes.end() ? 32.0 : 8.0 * static_cast<double>(ggml_type_size(most->first)) / static_cast<double>(ggml_blck_size(most->first));
}

/// Nats and number of a row's supervised tokens.
std::pair<double, uint64_t> score_row(llama_scorer & scorer, const token_row & row, uint32_t max_seq_len, int32_t n_vocab, int threads) {
    const uint32_t n     = supervised_length(row, max_seq_len);
    double         nats  = 0;
    uint64_t       count = 0;
    scorer.begin_row();
    for (uint32_t first = 0; first + 1 < n; first += scorer.chunk_tokens()) {
        std::vector<int32_t> tokens;
        std::vector<bool>    wanted;
        for (uint32_t k = first; k < std::min(first + scorer.chunk_tokens(), n - 1); ++k) {
            tokens.push_back(token_id(row.tokens[k]));
            wanted.push_back(is_supervised(row.tokens[k + 1]));
        }
        scorer.feed(tokens.data(), wanted, first, threads);
        for (size_t k = 0; k < wanted.size(); ++k) {
            if (wanted[k]) {
                const float * logits = scorer.logits(static_cast<int32_t>(k));
                nats += log_sum_exp(logits, n_vocab) - logits[token_id(row.tokens[first + k + 1])];
                ++count;
            }
        }
    }
    return {nats, count};
}

} // namespace

uint64_t trial_tokens(uint64_t n_params) {
    return static_cast<uint64_t>(std::clamp(512.0 * 1e9 / static_cast<double>(std::max<uint64_t>(n_params, 1)), 256.0, 512.0));
}

type_trial::type_trial(trial_options options, const progress_fn & progress) : options_(std::move(options)) {
    const auto     rows       = token_file::open(options_.tokens_path);
    const auto     base       = load_llama_model(options_.model_path, options_.device);
    const uint64_t max_tokens = options_.max_tokens > 0 ? options_.max_tokens : trial_tokens(llama_model_n_params(base.get()));
    uint64_t       n_read     = 0;
    uint32_t       longest    = 1;
    while (n_rows_ < std::min(rows->n_rows(), options_.max_rows) && n_read < max_tokens) {
        const uint32_t n = std::min(rows->row_unchecked(n_rows_++).n_tokens, options_.max_seq_len);
        longest          = std::max(longest, n);
        n_read += n;
    }
    n_ctx_           = context_tokens(*base, longest, options_.max_seq_len);
    base_loss_       = loss_of(base, options_.model_path, "", progress);
    const auto tuned = options_.tuned_path == options_.model_path ? base : load_llama_model(options_.tuned_path, options_.device);
    tuned_loss_      = loss_of(tuned, options_.tuned_path, options_.adapter_path, progress);
}

bool type_trial::has_gain() const { return base_loss_ - tuned_loss_ > tiny_gain; }

tried_type type_trial::try_file(const std::string & output_type, const std::string & path, const progress_fn & progress) const {
    tried_type tried{output_type, std::filesystem::file_size(utf8_path(path)), loss_of(load_llama_model(path, options_.device), path, "", progress), std::nullopt};
    if (has_gain()) {
        tried.kept_share = (base_loss_ - *tried.export_loss) / (base_loss_ - tuned_loss_);
    }
    return tried;
}

double type_trial::loss_of(const llama_model_ptr & model, const std::string & path, const std::string & adapter_path, const progress_fn & progress) const {
    const auto    rows    = token_file::open(options_.tokens_path);
    const int32_t n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model.get()));
    // A row on a thread of its own: libllama's threads wait for each other by spinning, hundreds of times a row.
    const int  at_a_time = options_.device == "cpu" ? std::clamp(options_.threads, 1, std::min(most_contexts, static_cast<int>(n_rows_))) : 1;
    const int  of_each   = std::max(1, options_.threads / at_a_time);
    std::vector<std::unique_ptr<llama_scorer>> scorers;
    for (int i = 0; i < at_a_time; ++i) {
        scorers.push_back(std::make_unique<llama_scorer>(model, adapter_path, n_ctx_, of_each));
    }
    std::vector<std::pair<double, uint64_t>> of_rows(n_rows_); // nats, and tokens
    std::atomic<uint64_t>                    done{0};
    share_out(n_rows_, at_a_time, [&](size_t i, int ith) {
        of_rows[i] = score_row(*scorers[static_cast<size_t>(ith)], rows->row(i), options_.max_seq_len, n_vocab, of_each);
        ++done;
        if (progress && ith == 0) {
            progress(done, n_rows_);
        }
    });
    double   nats  = 0;
    uint64_t count = 0;
    for (const auto & [nats_of_row, tokens] : of_rows) {
        nats += nats_of_row;
        count += tokens;
    }
    if (count == 0) {
        throw error("nothing_to_verify", "None of the first " + std::to_string(n_rows_) + " rows of " + options_.tokens_path + " has a learnt token within " + std::to_string(options_.max_seq_len) + " tokens.",
                    "Use more rows or a larger max_seq_len.", {{"path", options_.tokens_path}, {"rows", std::to_string(n_rows_)}});
    }
    if (!std::isfinite(nats)) {
        throw error("export_unusable", path + " gives numbers that are not finite.", "Train again with a lower learning rate.", {{"path", path}, {"reason", "not finite"}});
    }
    return nats / static_cast<double>(count);
}

std::vector<tried_type> types_to_try(const gguf_file & base, const saved_tuning & saved) {
    const input_sketches                no_inputs;
    std::vector<tried_type>             types;
    std::vector<std::vector<ggml_type>> seen;
    const uint64_t                      own_bytes = merged_model(base, saved, "same", no_inputs, {}).total_bytes();
    for (const char * name : {"same", "q4_k_m", "q5_k_m", "q6_k", "q8_0", "bf16"}) {
        const merged_model merged(base, saved, name, no_inputs, {});
        const uint64_t     bytes = merged.total_bytes();
        if (std::find(seen.begin(), seen.end(), merged.types()) != seen.end() || (bytes >= own_bytes && bits_of(base) >= 8.0 && std::string(name) != "same")) {
            continue;
        }
        seen.push_back(merged.types());
        types.push_back({name, bytes, std::nullopt, std::nullopt});
    }
    std::stable_sort(types.begin(), types.end(), [](const tried_type & a, const tried_type & b) { return a.output_bytes < b.output_bytes; });
    return types;
}

std::string type_without_trial(const gguf_file & base) { return bits_of(base) >= 8.0 ? "same" : "q8_0"; }

} // namespace forja
