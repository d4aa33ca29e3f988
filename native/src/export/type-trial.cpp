#include "export/type-trial.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/error.hpp"
#include "base/files.hpp"
#include "data/token-file.hpp"
#include "export/llama-scorer.hpp"
#include "export/merged-model.hpp"
#include "export/row-scores.hpp"
#include "export/verify.hpp"

namespace forja {

namespace {

// Less gain than this is within the noise of different kernels.
constexpr double tiny_gain = 1e-3;

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

} // namespace

type_trial::type_trial(trial_options options, const progress_fn & progress) : options_(std::move(options)) {
    const auto     rows       = token_file::open(options_.tokens_path);
    const auto     base       = load_llama_model(options_.model_path, options_.device);
    const uint64_t max_tokens = options_.max_tokens > 0 ? options_.max_tokens : std::max<uint64_t>(256, default_max_tokens(llama_model_n_params(base.get())) / 4);
    uint64_t       n_read     = 0;
    while (n_rows_ < std::min(rows->n_rows(), options_.max_rows) && n_read < max_tokens) {
        n_read += std::min(rows->row_unchecked(n_rows_++).n_tokens, options_.max_seq_len);
    }
    base_loss_  = loss_of(options_.model_path, "", progress);
    tuned_loss_ = loss_of(options_.tuned_path, options_.adapter_path, progress);
}

bool type_trial::has_gain() const { return base_loss_ - tuned_loss_ > tiny_gain; }

tried_type type_trial::try_file(const std::string & output_type, const std::string & path, const progress_fn & progress) const {
    tried_type tried{output_type, std::filesystem::file_size(utf8_path(path)), loss_of(path, "", progress), std::nullopt};
    if (has_gain()) {
        tried.kept_share = (base_loss_ - *tried.export_loss) / (base_loss_ - tuned_loss_);
    }
    return tried;
}

double type_trial::loss_of(const std::string & model_path, const std::string & adapter_path, const progress_fn & progress) const {
    const auto            rows    = token_file::open(options_.tokens_path);
    const llama_model_ptr model   = load_llama_model(model_path, options_.device);
    const int32_t         n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model.get()));
    llama_scorer          scorer(model, adapter_path, options_.max_seq_len, options_.threads);
    double                nats  = 0;
    uint64_t              count = 0;
    for (uint64_t i = 0; i < n_rows_; ++i) {
        const token_row row = rows->row(i);
        const uint32_t  n   = supervised_length(row, options_.max_seq_len);
        scorer.begin_row();
        for (uint32_t first = 0; first + 1 < n; first += scorer.chunk_tokens()) {
            std::vector<int32_t> tokens;
            std::vector<bool>    wanted;
            for (uint32_t k = first; k < std::min(first + scorer.chunk_tokens(), n - 1); ++k) {
                tokens.push_back(token_id(row.tokens[k]));
                wanted.push_back(is_supervised(row.tokens[k + 1]));
            }
            scorer.feed(tokens.data(), wanted, first, options_.threads);
            for (size_t k = 0; k < wanted.size(); ++k) {
                if (wanted[k]) {
                    const float * logits = scorer.logits(static_cast<int32_t>(k));
                    nats += log_sum_exp(logits, n_vocab) - logits[token_id(row.tokens[first + k + 1])];
                    ++count;
                }
            }
        }
        if (progress) {
            progress(i + 1, n_rows_);
        }
    }
    if (count == 0) {
        throw error("nothing_to_verify", "None of the first " + std::to_string(n_rows_) + " rows of " + options_.tokens_path + " has a learnt token within " + std::to_string(options_.max_seq_len) + " tokens.",
                    "Use more rows or a larger max_seq_len.", {{"path", options_.tokens_path}, {"rows", std::to_string(n_rows_)}});
    }
    if (!std::isfinite(nats)) {
        throw error("export_unusable", model_path + " gives numbers that are not finite.", "Train again with a lower learning rate.", {{"path", model_path}, {"reason", "not finite"}});
    }
    return nats / static_cast<double>(count);
}

std::vector<tried_type> types_to_try(const gguf_file & base, const saved_tuning & saved) {
    const input_samples                 no_inputs;
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
