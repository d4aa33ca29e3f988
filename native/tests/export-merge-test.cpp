// The merged GGUF: its values, types and metadata against libllama's, and what an export refuses or leaves behind.
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#ifndef _WIN32
#include <csignal>
#include <sys/resource.h>
#endif

#include "base/llama-log.hpp"
#include "export/adapter-gguf.hpp"
#include "export/export.hpp"
#include "export/merge-gguf.hpp"
#include "export/quant-mix.hpp"
#include "fixtures/tiny-model.hpp"
#include "llama.h"
#include "support/expect-error.hpp"
#include "support/libllama-reference.hpp"
#include "support/random-adapter.hpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja;
using namespace forja::test;
namespace fx = forja::fixtures;

namespace {

std::vector<float> values_of(const tensor_info & t) {
    std::vector<float> out(static_cast<size_t>(t.ne[0] * t.ne[1]));
    if (t.type == GGML_TYPE_F32) {
        std::memcpy(out.data(), t.data, t.n_bytes);
    } else {
        ggml_get_type_traits(t.type)->to_float(t.data, out.data(), static_cast<int64_t>(out.size()));
    }
    return out;
}

bool same_bytes(const gguf_file & x, const gguf_file & y) {
    bool same = x.tensors().size() == y.tensors().size();
    for (const tensor_info & t : x.tensors()) {
        const tensor_info * u = y.find(t.name);
        same                  = same && u != nullptr && t.type == u->type && t.ne == u->ne && std::memcmp(t.data, u->data, t.n_bytes) == 0;
    }
    return same;
}

double largest_difference(const std::vector<float> & x, const std::vector<float> & y) {
    double worst = x.size() == y.size() ? 0.0 : INFINITY;
    for (size_t i = 0; i < x.size() && i < y.size(); ++i) {
        worst = std::max(worst, std::fabs(static_cast<double>(x[i]) - y[i]));
    }
    return worst;
}

std::vector<int32_t> some_tokens() {
    std::vector<int32_t> tokens = {1};
    for (int i = 0; i < 20; ++i) {
        tokens.push_back(6 + (i * 37) % 250);
    }
    return tokens;
}

merge_result merge(const gguf_file & base, const saved_tuning & adapter, const std::string & type, const std::string & path,
                   std::vector<warning> * warnings = nullptr) {
    return merge_to_gguf(base, adapter, type, path, 1, {}, [&](const warning & w) {
        if (warnings != nullptr) {
            warnings->push_back(w);
        }
    });
}

/// Base + adapter in libllama, and the merged F32 file, give the same logits; for every architecture.
void test_same_logits(const temporary_folder & dir) {
    for (const std::string & variant : fx::variants()) {
        fx::model_options o;
        o.variant               = variant;
        const std::string path  = dir.path("base.gguf"), lora = dir.path("lora.gguf"), merged = dir.path("merged.gguf");
        fx::write_tiny_model(o, path);
        const auto            base = gguf_file::open(path);
        const saved_tuning a    = random_adapter(*base, 4, 8, true, 0.5f);
        write_adapter_gguf(a, lora);
        merge(*base, a, "same", merged);
        const auto tuned = libllama_logits(path, some_tokens(), 0, lora);
        // F32 sums in another order, amplified by up to seven layers that the adapter makes lively: about 1e-5 of logits near 10.
        check_error("merged equals base + adapter: " + variant, largest_difference(tuned, libllama_logits(merged, some_tokens())), 5e-4);
        check(largest_difference(tuned, libllama_logits(path, some_tokens())) > 0.05, "and the adapter matters: " + variant);
    }
    // llama.cpp takes an alpha of 0 for a scale of 1; the file must say 0 otherwise.
    const std::string path = dir.path("base.gguf"), lora = dir.path("lora.gguf");
    fx::write_tiny_model({}, path);
    write_adapter_gguf(random_adapter(*gguf_file::open(path), 4, 0, false, 0.5f), lora);
    check_error("an alpha of 0 changes nothing", largest_difference(libllama_logits(path, some_tokens()), libllama_logits(path, some_tokens(), 0, lora)), 0);
}

void test_merge_values(const temporary_folder & dir) {
    // Nearest larger by bits a weight: 1.56, 1.75, 2.06, 2.31 and 2.5 to 2.63, and 3.06 to 3.44.
    bool nearest = true;
    for (const ggml_type t : {GGML_TYPE_IQ1_S, GGML_TYPE_IQ1_M, GGML_TYPE_IQ2_XXS, GGML_TYPE_IQ2_XS, GGML_TYPE_IQ2_S}) {
        nearest = nearest && type_without_importance(t) == GGML_TYPE_Q2_K;
    }
    check(nearest && type_without_importance(GGML_TYPE_IQ3_XXS) == GGML_TYPE_IQ3_S && type_without_importance(GGML_TYPE_Q4_K) == GGML_TYPE_Q4_K,
          "types that need an importance matrix have a larger one");
    for (const ggml_type type : fx::weight_types()) {
        if (type_without_importance(type) == GGML_TYPE_Q2_K) {
            continue; // ggml takes seconds to prepare for making one of these, and IQ3_XXS goes the same way
        }
        fx::model_options o;
        o.type                 = type;
        const std::string path = dir.path("base.gguf"), out = dir.path("merged.gguf"), name = fx::type_name(type);
        fx::write_tiny_model(o, path);
        const auto base = gguf_file::open(path);

        // Nothing learnt: every tensor is the base's, byte for byte, whatever the type.
        std::vector<warning>  warnings;
        const saved_tuning zero = random_adapter(*base, 4, 8, false, 0.0f);
        const bool            kept = type_without_importance(type) == type;
        merge(*base, zero, "same", out, &warnings);
        if (kept) {
            check(same_bytes(*base, *gguf_file::open(out)) && warnings.empty(), "zero adapter at the same type changes nothing: " + name);
        } else {
            check(warnings.size() == 1 && warnings[0].code == "export_type_changed", "a type that needs an importance matrix gives a warning: " + name);
        }

        const saved_tuning a = random_adapter(*base, 6, 3, false, 0.5f);
        merge(*base, a, "f32", out);
        const auto merged = gguf_file::open(out);
        double     worst  = 0;
        for (const tensor_info & t : base->tensors()) {
            const auto *p = a.find(t.name, "lora_a"), *q = a.find(t.name, "lora_b");
            const auto  w    = values_of(t), got = values_of(*merged->find(t.name));
            for (size_t i = 0; i < w.size(); ++i) {
                double sum = w[i];
                for (int64_t j = 0; p != nullptr && j < p->ne1; ++j) {
                    const auto row = static_cast<int64_t>(i) / p->ne0, col = static_cast<int64_t>(i) % p->ne0;
                    sum += 0.5 * static_cast<double>(q->values[static_cast<size_t>(row * p->ne1 + j)]) * p->values[static_cast<size_t>(j * p->ne0 + col)];
                }
                worst = std::max(worst, std::fabs(sum - got[i]));
            }
        }
        // Six products in F32, of numbers below 1: a few units in the last place of 1.
        check_error("merged F32 is W + scale * B A: " + name, worst, 1e-6);
    }
}

/// Types that llama.cpp's own quantiser would choose for the same F32 file.
std::map<std::string, ggml_type> by_libllama(const std::string & path, const std::string & out, llama_ftype ftype) {
    llama_model_quantize_params params = llama_model_quantize_default_params();
    params.nthread                     = 1;
    params.ftype                       = ftype;
    std::map<std::string, ggml_type> types;
    if (llama_model_quantize(path.c_str(), out.c_str(), &params) == 0) {
        const auto made = gguf_file::open(out);
        for (const tensor_info & t : made->tensors()) {
            types[t.name] = t.type;
        }
    }
    return types;
}

void test_output_types(const temporary_folder & dir) {
    for (const char * variant : {"llama", "llama-mha", "qwen2", "gemma3", "phi3"}) {
        for (const bool wide : {false, true}) {
            if (!wide && std::string(variant) != "llama") {
                continue; // falling back where rows don't divide is no matter of the architecture
            }
            fx::model_options o;
            o.variant              = variant;
            o.wide                 = wide;
            o.n_layer              = 9; // so that first, last and every third layer differ in the K mixes
            const std::string path = dir.path("base.gguf"), out = dir.path("merged.gguf"), theirs = dir.path("theirs.gguf");
            fx::write_tiny_model(o, path);
            const auto            base = gguf_file::open(path);
            const saved_tuning a    = random_adapter(*base, 4, 8, false, 0.5f);
            std::string           differing, unloadable, wrong_meta;
            for (const output_type_info & type : output_types()) {
                // Quantising takes the time of this test: what doesn't depend on the variant is tried with one.
                if (std::string(variant) != "llama" && std::string(variant) != "phi3" && type.ftype != LLAMA_FTYPE_MOSTLY_Q4_K_M && type.ftype != LLAMA_FTYPE_MOSTLY_Q2_K) {
                    continue;
                }
                const merge_result r = merge(*base, a, type.name, out);
                std::map<std::string, ggml_type> ours;
                const auto                       merged = gguf_file::open(out);
                for (const tensor_info & t : merged->tensors()) {
                    ours[t.name] = t.type;
                }
                if (ours != by_libllama(path, theirs, type.ftype)) {
                    differing += std::string(" ") + type.name;
                }
                if (!libllama_loads(out)) {
                    unloadable += std::string(" ") + type.name;
                }
                if (merged->i64("general.file_type") != type.ftype || merged->str("tokenizer.chat_template") != base->str("tokenizer.chat_template") ||
                    r.output_bytes != merged->file_size_bytes() || r.tensors_merged != static_cast<int64_t>(a.sites().size())) {
                    wrong_meta += std::string(" ") + type.name;
                }
            }
            const std::string of = std::string(variant) + (wide ? ", rows of 256" : ", rows of 64");
            check(differing.empty(), "types are those of llama_model_quantize: " + of + differing);
            check(unloadable.empty(), "every output type loads in libllama: " + of + unloadable);
            check(wrong_meta.empty(), "file type, template and counts: " + of + wrong_meta);
        }
    }
}

/// Every key of the base is in the merged file with the same value, but for those of splits.
void test_metadata_and_split(const temporary_folder & dir) {
    const auto            paths = fx::write_split_model({}, dir.path("split"), 3);
    const auto            base  = gguf_file::open(paths[1]);
    const std::string     out   = dir.path("merged.gguf");
    merge(*base, random_adapter(*base, 4, 8, false, 0.0f), "same", out);
    const auto merged = gguf_file::open(out);
    check(same_bytes(*base, *merged) && merged->paths().size() == 1, "a split base becomes one file");
    const std::string whole = dir.path("whole.gguf");
    fx::write_tiny_model({}, whole);
    const auto one  = gguf_file::open(whole);
    bool       same = gguf_get_n_kv(one->meta()) == gguf_get_n_kv(merged->meta());
    for (int64_t i = 0; i < gguf_get_n_kv(one->meta()); ++i) {
        const int64_t   j    = gguf_find_key(merged->meta(), gguf_get_key(one->meta(), i));
        const gguf_type type = gguf_get_kv_type(one->meta(), i);
        if (j < 0 || gguf_get_kv_type(merged->meta(), j) != type) {
            same = false;
        } else if (type == GGUF_TYPE_STRING) {
            same = same && std::strcmp(gguf_get_val_str(one->meta(), i), gguf_get_val_str(merged->meta(), j)) == 0;
        } else if (type == GGUF_TYPE_ARRAY) {
            same = same && gguf_get_arr_n(one->meta(), i) == gguf_get_arr_n(merged->meta(), j) && gguf_get_arr_type(one->meta(), i) == gguf_get_arr_type(merged->meta(), j);
            for (size_t k = 0; same && k < gguf_get_arr_n(one->meta(), i) && gguf_get_arr_type(one->meta(), i) == GGUF_TYPE_STRING; ++k) {
                same = std::strcmp(gguf_get_arr_str(one->meta(), i, k), gguf_get_arr_str(merged->meta(), j, k)) == 0;
            }
        }
    }
    check(same, "all metadata are kept");
}

void test_refusals(const temporary_folder & dir) {
    const std::string path = dir.path("base.gguf"), lora = dir.path("lora.gguf"), out = dir.path("out.gguf");
    fx::write_tiny_model({}, path);
    const auto base = gguf_file::open(path);
    write_adapter_gguf(random_adapter(*base, 4, 8, false, 0.5f), lora);
    const std::string base_bytes = read_all(path);
    std::ofstream(out) << "old";

    export_settings o;
    o.model_path   = path;
    o.adapter_path = lora;
    o.output_path  = out;
    check_fails("output_exists", "an existing file", [&] { run_export(o); });
    o.overwrite   = true;
    o.output_type = "q9";
    check_fails("output_type_unknown", "an unknown type", [&] { run_export(o); });
    o.output_type = "f16";
    o.format      = "onnx";
    check_fails("export_format_unknown", "an unknown format", [&] { run_export(o); });
    o.format      = "gguf";
    o.output_path = path;
    check_fails("output_is_input", "the base itself", [&] { run_export(o); });
    o.output_path = lora;
    check_fails("output_is_input", "the adapter itself", [&] { run_export(o); });
    o.output_path = dir.path("none") + "/out.gguf";
    check_fails("output_not_writable", "a missing folder", [&] { run_export(o); });
    o.output_path = out;
    check_fails("none", "being stopped half-way passes on what progress throws", [&] {
        try {
            export_observer stopping;
            stopping.progress = [](const std::string &, const char *) { return [](uint64_t done, uint64_t total) { done > total / 2 ? throw 1 : void(); }; };
            run_export(o, stopping);
        } catch (int) {
        }
    });
    check(read_all(out) == "old" && !std::filesystem::exists(out + ".partial"), "and leaves the old file whole");
#ifdef __linux__
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{100000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    const std::string code = error_code_of([&] { run_export(o); });
    setrlimit(RLIMIT_FSIZE, &before);
    check(code == "write_failed" && read_all(out) == "old" && !std::filesystem::exists(out + ".partial"), "a write that fails leaves the old file whole");
#endif
    o.threads       = 1;
    const auto done = run_export(o);
    o.threads       = 3;
    o.output_path   = dir.path("threads.gguf");
    run_export(o);
    check(read_all(o.output_path) == read_all(out), "any number of threads gives the same file");
    check(done.output_bytes == read_all(out).size() && done.tensors_merged == 14 && done.output_type == "f16" && done.peak_memory_bytes > 0, "a good export replaces it");

    saved_tuning large = random_adapter(*base, 4, 8, false, 0.5f);
    large.tensors[1].values[0] = 1e30f; // of its B
    check_fails("export_overflow", "numbers too large for F16", [&] { merge(*base, large, "f16", out); });
    fx::write_bad_model("nan-weights", {}, dir.path("nan.gguf"));
    check_fails("weights_not_finite", "a base with NaN", [&] {
        const auto bad = gguf_file::open(dir.path("nan.gguf"));
        merge(*bad, random_adapter(*bad, 4, 8, false, 0.5f), "q8_0", out);
    });
    check(read_all(path) == base_bytes, "the base is as it was");
}

} // namespace

int main() {
    quiet_llama_log();
    const temporary_folder dir;
    test_same_logits(dir);
    test_merge_values(dir);
    test_output_types(dir);
    test_metadata_and_split(dir);
    test_refusals(dir);
    return result();
}
