#include "export/verify.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <map>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "export/llama-scorer.hpp"
#include "export/loadable-tuning.hpp"
#include "export/peft-folder.hpp"
#include "export/row-scores.hpp"
#include "ops/device.hpp"

namespace forja {

namespace {

/// A name beside what was exported.
std::string beside(std::string path, const char * ending) {
    while (path.size() > 1 && (path.back() == '/' || path.back() == '\\')) {
        path.pop_back();
    }
    return path + ending;
}

/// One supervised token's numbers.
struct position_score {
    double base_loss, tuned_loss, export_loss, kl_export, kl_base;
};

/// With p, q the softmax of the logits: loss = -log p[target]; KL(p || q) = sum of p (log p - log q).
position_score score(const float * base, const float * tuned, const float * exported, int32_t n_vocab, int32_t target) {
    const double   z_base = log_sum_exp(base, n_vocab), z_tuned = log_sum_exp(tuned, n_vocab), z_export = log_sum_exp(exported, n_vocab);
    position_score s{z_base - base[target], z_tuned - tuned[target], z_export - exported[target], 0, 0};
    for (int32_t i = 0; i < n_vocab; ++i) {
        const double log_p = tuned[i] - z_tuned;
        const double p     = std::exp(log_p);
        s.kl_export += p * (log_p - (exported[i] - z_export));
        s.kl_base += p * (log_p - (base[i] - z_base));
    }
    return s;
}

/// Whether two tunings are the same numbers: then they predict the same.
bool same_numbers(const saved_tuning & x, const saved_tuning & y) {
    const method_settings &s = x.settings, &t = y.settings;
    return s.method == t.method && s.lora_alpha == t.lora_alpha && s.use_rslora == t.use_rslora && x.tensors.size() == y.tensors.size() &&
           std::all_of(x.tensors.begin(), x.tensors.end(), [&](const saved_tuning::tensor & one) {
               const saved_tuning::tensor * other = y.find(one.site, one.part);
               return other != nullptr && one.ne0 == other->ne0 && one.ne1 == other->ne1 && one.values == other->values;
           });
}

/// The three that are compared.
struct models {
    llama_scorer base, tuned, exported;
    bool         exported_is_tuned; // the same numbers: it is loaded, but need not be run
    bool         on_cpu;
    int32_t      n_vocab;
    int          threads;

    std::vector<llama_scorer *> to_run() {
        return exported_is_tuned ? std::vector<llama_scorer *>{&base, &tuned} : std::vector<llama_scorer *>{&base, &tuned, &exported};
    }
};

/// Reads the tokens with each of the models. On the CPU several at a time, with fewer threads each: libllama's threads wait for
/// each other hundreds of times a pass, spinning, which takes several times as long where other programs run too.
void feed_all(models & m, const std::vector<int32_t> & tokens, const std::vector<bool> & wanted, uint32_t first) {
    const std::vector<llama_scorer *> all = m.to_run();
    for (size_t at = 0, n; at < all.size(); at += n) {
        n                 = m.on_cpu ? std::min(all.size() - at, static_cast<size_t>(m.threads)) : 1;
        const int threads = std::max(1, m.threads / static_cast<int>(n));
        std::vector<std::future<void>> others;
        for (size_t i = at + 1; i < at + n; ++i) {
            others.push_back(std::async(std::launch::async, [&, i] { all[i]->feed(tokens.data(), wanted, first, threads); }));
        }
        all[at]->feed(tokens.data(), wanted, first, threads); // if it throws, the others are waited for
        for (std::future<void> & other : others) {
            other.get();
        }
    }
}

/// Scores the first n tokens of a row; adds to the sums and returns how many tokens counted.
uint64_t score_row(models & m, const token_row & row, uint32_t n, verify_result & sums) {
    uint64_t counted = 0;
    if (n == 0) {
        return 0;
    }
    for (llama_scorer * s : m.to_run()) {
        s->begin_row();
    }
    const uint32_t chunk = m.base.chunk_tokens();
    for (uint32_t first = 0; first + 1 < n; first += chunk) {
        const uint32_t       count = std::min(chunk, n - 1 - first);
        std::vector<int32_t> tokens, at;
        std::vector<bool>    wanted;
        for (uint32_t i = 0; i < count; ++i) {
            tokens.push_back(token_id(row.tokens[first + i]));
            wanted.push_back(is_supervised(row.tokens[first + i + 1]));
            if (wanted.back()) {
                at.push_back(static_cast<int32_t>(i));
            }
        }
        feed_all(m, tokens, wanted, first);
        std::vector<position_score> scores(at.size());
        std::vector<const float *>  base(at.size()), tuned(at.size()), exported(at.size());
        for (size_t k = 0; k < at.size(); ++k) { // not thread-safe, so before the threads
            base[k]     = m.base.logits(at[k]);
            tuned[k]    = m.tuned.logits(at[k]);
            exported[k] = m.exported_is_tuned ? tuned[k] : m.exported.logits(at[k]);
        }
        std::atomic<size_t>      next{0};
        const auto               work = [&] {
            for (size_t k; (k = next++) < at.size();) {
                const uint32_t position = first + static_cast<uint32_t>(at[k]);
                scores[k]               = score(base[k], tuned[k], exported[k], m.n_vocab, token_id(row.tokens[position + 1]));
            }
        };
        std::vector<std::thread> others;
        for (int t = 1; t < m.threads && static_cast<size_t>(t) < at.size(); ++t) {
            others.emplace_back(work);
        }
        work();
        for (std::thread & t : others) {
            t.join();
        }
        for (const position_score & s : scores) {
            sums.base_loss += s.base_loss;
            sums.tuned_loss += s.tuned_loss;
            sums.export_loss += s.export_loss;
            sums.mean_kl_divergence += s.kl_export;
            sums.base_kl_divergence += s.kl_base;
        }
        counted += scores.size();
    }
    return counted;
}

/// The first larger type worth trying, by the type that most of the file's bytes have.
std::string larger_type_than(const std::string & exported_path) {
    const auto                  file = gguf_file::open(exported_path);
    std::map<ggml_type, size_t> bytes;
    for (const tensor_info & t : file->tensors()) {
        if (t.name.rfind("blk.", 0) == 0 && t.n_dims > 1) {
            bytes[t.type] += t.n_bytes;
        }
    }
    const auto   most = std::max_element(bytes.begin(), bytes.end(), [](const auto & a, const auto & b) { return a.second < b.second; });
    const double bits = most == bytes.end() ? 32.0 : 8.0 * static_cast<double>(ggml_type_size(most->first)) / static_cast<double>(ggml_blck_size(most->first));
    if (bits < 4.0) return "q4_k_m";
    if (bits < 6.0) return "q6_k";
    if (bits < 8.0) return "q8_0";
    if (bits < 16.0) return "f16";
    return "f32";
}

std::string advice_for(const verify_settings & o, const verify_result & r) {
    if (r.verdict == "nothing_learned") {
        return "Nothing was learned: the tuned model predicts what its base does. Train again with a higher learning rate, more steps or more rows.";
    }
    if (o.format != "gguf") {
        return "The exported adapter does not behave as the live one. Export it again, and check that base and adapter belong together.";
    }
    const std::string type = larger_type_than(o.exported_path);
    return std::string("Rounding to this type ") + (r.verdict == "lost" ? "undid most of" : "weakened") + " what was learnt. Export as " + type +
           ", or keep the adapter beside the base model (format gguf-adapter), which loses nothing.";
}

} // namespace

void judge(verify_result & r) {
    const double gain = r.base_loss - r.tuned_loss;
    // Less than this is within the noise of the sums and of different kernels.
    constexpr double tiny_loss = 1e-4, tiny_kl = 1e-3;
    double           kept_share;
    if (gain > tiny_loss) {
        r.recovered_share = (r.base_loss - r.export_loss) / gain;
        kept_share        = *r.recovered_share;
    } else {
        r.recovered_share.reset();
        kept_share = r.base_kl_divergence > 0 ? 1.0 - r.mean_kl_divergence / r.base_kl_divergence : 1.0;
    }
    constexpr double no_kl = 1e-6;
    if (r.base_kl_divergence < no_kl && std::fabs(gain) < tiny_loss) {
        r.verdict = "nothing_learned";
    } else if (kept_share >= 0.9 || r.mean_kl_divergence < tiny_kl || r.mean_kl_divergence < 0.01 * r.base_kl_divergence) {
        r.verdict = "kept";
    } else {
        r.verdict = kept_share < 0.5 ? "lost" : "degraded";
    }
}

uint64_t default_max_tokens(uint64_t n_params) {
    const double flop_a_token = 3.0 * 2.0 * static_cast<double>(std::max<uint64_t>(n_params, 1));
    return static_cast<uint64_t>(std::clamp(30.0 * 200e9 / flop_a_token, 256.0, 16384.0));
}

verify_result run_verify(const verify_settings & o, const progress_fn & progress) {
    const auto         base_file = gguf_file::open(o.model_path);
    const saved_tuning live      = read_tuning(o.adapter_path);
    require_tuning_fits(live, *base_file);
    const auto           rows  = token_file::open(o.tokens_path);
    const vocab_identity vocab = identify_vocab(*base_file);
    rows->require_vocab(vocab.n_vocab, vocab.vocab_hash);

    std::optional<saved_tuning> exported;
    if (o.format == "peft") {
        exported = read_peft_folder(o.exported_path, *base_file);
    } else if (o.format == "gguf-adapter") {
        exported = read_tuning(o.exported_path);
        require_tuning_fits(*exported, *base_file);
    } else if (o.format != "gguf") {
        throw error("export_format_unknown", "There is no export format '" + o.format + "'.", "Use gguf, gguf-adapter or peft.", {{"format", o.format}});
    }

    const int                      threads = o.threads > 0 ? o.threads : physical_cores();
    const loadable_tuning          tuned(live, *base_file, o.adapter_path, beside(o.exported_path, ".live.gguf"), threads);
    const bool                     is_same = exported && same_numbers(live, *exported);
    std::optional<loadable_tuning> other;
    if (exported && (!is_same || tuned.model_path().empty())) { // an adapter is loaded even where it need not be run
        other.emplace(*exported, *base_file, o.format == "gguf-adapter" ? o.exported_path : "", beside(o.exported_path, ".verify.gguf"), threads);
    }
    const llama_model_ptr base_model = load_llama_model(o.model_path, o.device);
    const auto model_of = [&](const std::string & path) { return path.empty() ? base_model : load_llama_model(path, o.device); };
    const llama_model_ptr tuned_model  = model_of(tuned.model_path());
    const llama_model_ptr export_model = o.format == "gguf" ? model_of(o.exported_path) : other ? model_of(other->model_path()) : tuned_model;
    const int32_t         n_vocab      = llama_vocab_n_tokens(llama_model_get_vocab(base_model.get()));
    if (llama_vocab_n_tokens(llama_model_get_vocab(export_model.get())) != n_vocab) {
        throw error("export_unusable", o.exported_path + " has another vocabulary than its base.", "Export it again.", {{"path", o.exported_path}});
    }
    models m{{base_model, "", (uint32_t) o.max_seq_len, threads},
             {tuned_model, tuned.adapter_path(), (uint32_t) o.max_seq_len, threads},
             {export_model, other ? other->adapter_path() : "", (uint32_t) o.max_seq_len, threads},
             is_same,
             o.device == "cpu",
             n_vocab,
             threads};

    verify_result  r;
    const uint64_t max_tokens = o.max_tokens > 0 ? o.max_tokens : default_max_tokens(llama_model_n_params(base_model.get()));
    uint64_t       n_rows = 0, n_read = 0;
    while (n_rows < std::min(rows->n_rows(), (uint64_t) o.max_rows) && n_read < max_tokens) {
        n_read += supervised_length(rows->row(n_rows++), (uint32_t) o.max_seq_len);
    }
    for (uint64_t i = 0; i < n_rows; ++i) {
        const token_row row     = rows->row(i);
        const uint64_t  counted = score_row(m, row, supervised_length(row, (uint32_t) o.max_seq_len), r);
        r.tokens += counted;
        r.rows += counted > 0 ? 1 : 0;
        if (progress) {
            progress(i + 1, n_rows);
        }
    }
    if (r.tokens == 0) {
        throw error("nothing_to_verify", "None of the first " + std::to_string(n_rows) + " rows of " + o.tokens_path + " has a learnt token within " + std::to_string(o.max_seq_len) + " tokens.",
                    "Use more rows or a larger max_seq_len.", {{"path", o.tokens_path}, {"rows", std::to_string(n_rows)}});
    }
    const auto n = static_cast<double>(r.tokens);
    for (double * sum : {&r.base_loss, &r.tuned_loss, &r.export_loss, &r.mean_kl_divergence, &r.base_kl_divergence}) {
        *sum /= n;
    }
    if (!std::isfinite(r.base_loss) || !std::isfinite(r.tuned_loss) || !std::isfinite(r.export_loss)) {
        const bool only_export = std::isfinite(r.base_loss) && std::isfinite(r.tuned_loss);
        throw error("export_unusable", only_export ? o.exported_path + " gives numbers that are not finite." : "The base model or its adapter gives numbers that are not finite.",
                    only_export ? "Export as bf16 or f32." : "Train again with a lower learning rate.", {{"path", o.exported_path}, {"reason", "not finite"}});
    }
    judge(r);
    if (r.verdict != "kept") {
        r.advice = advice_for(o, r);
    }
    return r;
}

} // namespace forja
