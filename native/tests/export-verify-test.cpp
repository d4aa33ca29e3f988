// The check of what was exported: its figures by hand from libllama's logits, and its verdicts.
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/llama-log.hpp"
#include "base/random.hpp"
#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "export/adapter-gguf.hpp"
#include "export/export.hpp"
#include "export/verify.hpp"
#include "fixtures/tiny-model.hpp"
#include "support/expect-error.hpp"
#include "support/libllama-reference.hpp"
#include "support/random-adapter.hpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja;
using namespace forja::test;
namespace fx = forja::fixtures;

namespace {

void test_judge() {
    const auto verdict = [](double base, double tuned, double exported, double kl, double base_kl) {
        verify_result r;
        r.base_loss = base, r.tuned_loss = tuned, r.export_loss = exported, r.mean_kl_divergence = kl, r.base_kl_divergence = base_kl;
        judge(r);
        return r.verdict + (r.recovered_share ? "" : " without share");
    };
    check(verdict(3, 1, 1.1, 0.02, 2) == "kept", "95 % of the gain is kept");
    check(verdict(3, 1, 1.3, 0.2, 2) == "degraded", "85 % is degraded");
    check(verdict(3, 1, 2.1, 0.9, 2) == "lost", "45 % is lost");
    check(verdict(3, 2.999, 2.9995, 0.0005, 0.001) == "kept", "a tiny divergence is kept, whatever the share");
    check(verdict(3, 3.2, 3.2, 0.05, 1) == "kept without share", "a tuning that didn't lower the loss is judged by divergence");
    check(verdict(3, 3, 3, 0, 0) == "nothing_learned without share", "base and tuned model that predict the same: nothing was learned");
    check(verdict(3, 3.00001, 3.5, 0.5, 1e-8) == "nothing_learned without share", "whatever the export does");
    check(verdict(3, 3.2, 3.0, 0.9, 1) == "lost without share", "and lost by it");
}

void test_verify(const temporary_folder & dir) {
    fx::model_options o;
    o.wide                 = true;
    const std::string path = dir.path("base.gguf"), lora = dir.path("lora.gguf"), rows = dir.path("rows.fjt");
    fx::write_tiny_model(o, path);
    const auto base = gguf_file::open(path);
    write_adapter_gguf(random_adapter(*base, 4, 8, true, 0.5f), lora);
    const vocab_identity vocab = identify_vocab(*base);
    {
        token_file_writer writer(rows, vocab.n_vocab, vocab.vocab_hash);
        for (uint64_t r = 0; r < 4; ++r) {
            std::vector<uint32_t> words;
            for (uint64_t i = 0; i < 30; ++i) {
                words.push_back(static_cast<uint32_t>(mix64(r * 100 + i) % vocab.n_vocab) | (i >= 10 && r != 2 ? supervised_bit : 0u));
            }
            writer.add_row(words.data(), words.size(), r + 1);
        }
        writer.finish();
    }
    // The same numbers by hand from libllama's logits of whole rows.
    const auto file   = token_file::open(rows);
    double     losses[2] = {0, 0}, kl = 0;
    int        n = 0;
    for (uint64_t r = 0; r < 4; ++r) {
        const token_row      row = file->row(r);
        std::vector<int32_t> tokens;
        for (uint32_t i = 0; i < 24; ++i) { // max_seq_len below
            tokens.push_back(token_id(row.tokens[i]));
        }
        const auto b = libllama_logits(path, tokens), t = libllama_logits(path, tokens, 0, lora);
        const auto log_p = [&](const std::vector<float> & logits, uint32_t at, uint32_t token) {
            double sum = 0;
            for (uint32_t v = 0; v < vocab.n_vocab; ++v) {
                sum += std::exp(static_cast<double>(logits[at * vocab.n_vocab + v]));
            }
            return logits[at * vocab.n_vocab + token] - std::log(sum);
        };
        for (uint32_t i = 1; i < 24; ++i) {
            if (!is_supervised(row.tokens[i])) {
                continue;
            }
            losses[0] -= log_p(b, i - 1, static_cast<uint32_t>(tokens[i]));
            losses[1] -= log_p(t, i - 1, static_cast<uint32_t>(tokens[i]));
            for (uint32_t v = 0; v < vocab.n_vocab; ++v) {
                kl += std::exp(log_p(t, i - 1, v)) * (log_p(t, i - 1, v) - log_p(b, i - 1, v));
            }
            ++n;
        }
    }
    verify_settings v;
    v.model_path    = path;
    v.adapter_path  = lora;
    v.tokens_path   = rows;
    v.max_seq_len   = 24;
    v.threads       = 1; // several wait for each other on a busy machine
    const auto run = [&](const std::string & format, const std::string & type) {
        export_settings e;
        e.model_path   = path;
        e.adapter_path = lora;
        e.format       = format;
        e.output_type  = type;
        e.output_path  = dir.path("verify-" + format);
        e.overwrite    = true;
        e.threads      = 1;
        run_export(e);
        v.format        = format;
        v.exported_path = e.output_path;
        return run_verify(v, {});
    };
    const verify_result f32 = run("gguf", "f32");
    check(f32.tokens == static_cast<uint64_t>(n) && f32.rows == 3, "verify: supervised tokens within max_seq_len");
    // Sums of 320 exponentials in F32 logits of another batch shape.
    check_error("verify: base loss", std::fabs(f32.base_loss - losses[0] / n), 1e-5);
    check_error("verify: tuned loss", std::fabs(f32.tuned_loss - losses[1] / n), 1e-5);
    check_error("verify: KL(tuned || base)", std::fabs(f32.base_kl_divergence - kl / n), 1e-5);
    check_error("verify: an F32 export diverges by rounding only", f32.mean_kl_divergence, 1e-8);
    check(f32.verdict == "kept" && !f32.advice, "verify: F32 is kept");
    v.threads                 = 3; // one for each of the three: none waits for another
    const verify_result three = run_verify(v, {});
    v.threads                 = 1;
    check(three.base_loss == f32.base_loss && three.tuned_loss == f32.tuned_loss && three.export_loss == f32.export_loss &&
              three.mean_kl_divergence == f32.mean_kl_divergence && three.base_kl_divergence == f32.base_kl_divergence,
          "verify: three models at a time give the same figures");
    for (const char * format : {"gguf-adapter", "peft"}) {
        const verify_result r = run(format, "same");
        check(r.verdict == "kept" && r.mean_kl_divergence < 1e-10 && r.tuned_loss == r.export_loss, std::string("verify: the adapter alone is exact: ") + format);
    }
    // An adapter with other numbers is run for itself: here with 9/8 of the scale, then with one number changed.
    saved_tuning other = read_tuning(lora);
    v.format = "gguf-adapter", v.exported_path = dir.path("other-lora.gguf");
    other.settings.lora_alpha = 9;
    write_adapter_gguf(other, v.exported_path);
    const verify_result stronger = run_verify(v, {});
    other.settings.lora_alpha = 8;
    other.tensors[0].values[0] += 0.5f;
    write_adapter_gguf(other, v.exported_path);
    check(stronger.export_loss != stronger.tuned_loss && run_verify(v, {}).export_loss != stronger.tuned_loss, "verify: another adapter is seen to differ");
    check(!std::filesystem::exists(dir.path("verify-peft.verify.gguf")), "verify: nothing is left behind");
    const verify_result q2 = run("gguf", "q2_k");
    check(q2.mean_kl_divergence > 1e-3 && (q2.verdict == "kept" || q2.advice), "verify: Q2_K is seen to differ (" + q2.verdict + ")");
    v.max_tokens               = 1;
    const verify_result little = run_verify(v, {});
    check(little.rows == 1 && little.tokens < f32.tokens, "verify: no further row is begun after max_tokens");
    v.max_tokens = 0;
    check(default_max_tokens(135'000'000) == 7407 && default_max_tokens(8'000'000'000) == 256 && default_max_tokens(0) == 16384,
          "verify: fewer tokens for larger models");
    // The base in the export's place: nothing of the tuning is there.
    v.format                  = "gguf";
    v.exported_path           = path;
    const verify_result nothing = run_verify(v, {});
    check(nothing.mean_kl_divergence == nothing.base_kl_divergence && nothing.verdict == "lost" && nothing.advice, "verify: an export without the tuning is lost");
    // Rounded with these rows in mind, what is predicted is nearer to the live model; and any number of threads gives the same bytes.
    const auto rounded = [&](bool has_rows, int threads) {
        export_settings e;
        e.model_path   = path;
        e.adapter_path = lora;
        e.output_type  = "q4_1";
        e.output_path  = dir.path(has_rows ? "rounded-" + std::to_string(threads) : "nearest");
        e.max_seq_len  = 24;
        e.threads      = threads;
        if (has_rows) {
            e.calibration_tokens_path = rows;
        }
        check(run_export(e).has_feedback == has_rows, "feedback where there are rows");
        v.exported_path = e.output_path;
        return run_verify(v, {}).mean_kl_divergence;
    };
    const double nearest = rounded(false, 1), feedback = rounded(true, 1);
    std::printf("KL(live || Q4_1): %.5f to the nearest, %.5f with rows in mind\n", nearest, feedback);
    check(feedback < nearest, "verify: rounding with rows in mind is nearer to the live model");
    check(rounded(true, 3) == feedback && read_all(dir.path("rounded-1")) == read_all(dir.path("rounded-3")), "feedback gives the same bytes with three threads");
    v.exported_path = path;
    v.max_seq_len   = 10;
    check_fails("nothing_to_verify", "rows with nothing to learn", [&] { run_verify(v, {}); });
    v.max_seq_len   = 24;
    v.exported_path = dir.path("cut.gguf");
    const std::string whole = read_all(path);
    std::ofstream(v.exported_path, std::ios::binary) << whole.substr(0, whole.size() / 2);
    check_fails("export_unusable", "a truncated export", [&] { run_verify(v, {}); });
    v.exported_path = path;
    v.device        = "gpu-of-my-dreams";
    check_fails("device_not_found", "an unknown device", [&] { run_verify(v, {}); });
}

} // namespace

int main() {
    quiet_llama_log();
    const temporary_folder dir;
    test_judge();
    test_verify(dir);
    return result();
}
