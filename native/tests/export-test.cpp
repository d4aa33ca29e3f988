// Exports: adapter GGUF, PEFT folder, merged GGUF in every type, and the check of what was exported.
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#ifndef _WIN32
#include <csignal>
#include <sys/resource.h>
#endif

#include "base/files.hpp"
#include "base/llama-log.hpp"
#include "base/random.hpp"
#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "export/adapter-gguf.hpp"
#include "export/export.hpp"
#include "export/merge-gguf.hpp"
#include "export/peft-folder.hpp"
#include "export/quant-mix.hpp"
#include "export/safetensors.hpp"
#include "export/verify.hpp"
#include "fixtures/tiny-model.hpp"
#include "llama.h"
#include "support/expect-error.hpp"
#include "support/libllama-reference.hpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja;
using namespace forja::test;
namespace fx = forja::fixtures;

namespace {

std::string read_all(const std::string & path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

/// An adapter of every matrix of every block, A and B uniform around 0; b_size 0 gives B = 0, as at the start of training.
adapter_tensors random_adapter(const gguf_file & base, int64_t rank, double alpha, bool rslora, float b_size) {
    adapter_tensors a;
    a.architecture    = *base.str("general.architecture");
    a.base_model_name = base.str("general.name").value_or("");
    a.lora_rank       = rank;
    a.lora_alpha      = alpha;
    a.lora_dropout    = 0.05;
    a.use_rslora      = rslora;
    a.target_modules  = {"q", "k", "v", "o", "gate", "up", "down"};
    uint64_t key      = 7;
    for (const tensor_info & t : base.tensors()) {
        if (t.name.rfind("blk.", 0) != 0 || t.n_dims != 2) {
            continue;
        }
        adapter_tensors::pair p{t.name, t.ne[0], t.ne[1], rank, {}, {}};
        ++key;
        for (int64_t i = 0; i < p.n_in * rank; ++i) {
            p.a.push_back(static_cast<float>(2.0 * uniform01(key, static_cast<uint64_t>(i)) - 1.0) / std::sqrt(static_cast<float>(p.n_in)));
        }
        for (int64_t i = 0; i < p.n_out * rank; ++i) {
            p.b.push_back(b_size * static_cast<float>(2.0 * uniform01(key + 1000, static_cast<uint64_t>(i)) - 1.0));
        }
        a.pairs.push_back(std::move(p));
    }
    return a;
}

bool equal(const adapter_tensors & x, const adapter_tensors & y) {
    bool same = x.architecture == y.architecture && x.base_model_name == y.base_model_name && x.lora_rank == y.lora_rank && x.lora_alpha == y.lora_alpha &&
                x.use_rslora == y.use_rslora && x.lora_dropout == y.lora_dropout && x.pairs.size() == y.pairs.size();
    for (const auto & p : x.pairs) {
        const auto * q = y.find(p.base_name);
        same           = same && q != nullptr && p.n_in == q->n_in && p.n_out == q->n_out && p.rank == q->rank && p.a == q->a && p.b == q->b;
    }
    return same;
}

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

merge_result merge(const gguf_file & base, const adapter_tensors & adapter, const std::string & type, const std::string & path,
                   std::vector<warning> * warnings = nullptr) {
    return merge_to_gguf(base, adapter, type, path, 1, {}, [&](const warning & w) {
        if (warnings != nullptr) {
            warnings->push_back(w);
        }
    });
}

void test_adapter_gguf(const temporary_folder & dir, const gguf_file & base) {
    const std::string path = dir.path("adapter.gguf");
    for (const bool rslora : {false, true}) {
        const adapter_tensors a = random_adapter(base, 5, 7.5, rslora, 0.5f);
        write_adapter_gguf(a, path);
        const adapter_tensors back = read_adapter_gguf(path);
        check(equal(a, back) && back.target_modules == a.target_modules, std::string("adapter GGUF round trip") + (rslora ? ", rslora" : ""));
        const auto file = gguf_file::open(path);
        check(std::fabs(*file->f64("adapter.lora.alpha") / 5.0 - a.scale_of(a.pairs[0])) < 1e-6, "llama.cpp's alpha / r is the scale");
    }
    check(lora_scale(32, 16, false) == 2.0f && lora_scale(32, 16, true) == 8.0f, "scale by formula");
    const adapter_tensors whole = random_adapter(base, 4, 8, false, 0.5f);
    adapter_tensors       a     = whole;
    a.pairs[0].a[3]             = NAN;
    write_adapter_gguf(a, path);
    check_fails("adapter_invalid", "an adapter with NaN", [&] { read_adapter_gguf(path); });
    check_fails("adapter_invalid", "a model in an adapter's place", [&] { read_adapter_gguf(base.path()); });
    a              = whole;
    a.architecture = "qwen2";
    check_fails("adapter_mismatch", "another architecture", [&] { require_adapter_fits(a, base); });
    a                    = whole;
    a.pairs[0].base_name = "blk.99.attn_q.weight";
    check_fails("adapter_mismatch", "a layer that isn't there", [&] { require_adapter_fits(a, base); });
    a               = whole;
    a.pairs[0].n_in = 2;
    check_fails("adapter_mismatch", "another width", [&] { require_adapter_fits(a, base); });
}

/// Base + adapter in libllama, and the merged F32 file, give the same logits; for every architecture.
void test_same_logits(const temporary_folder & dir) {
    for (const std::string & variant : fx::variants()) {
        fx::model_options o;
        o.variant               = variant;
        const std::string path  = dir.path("base.gguf"), lora = dir.path("lora.gguf"), merged = dir.path("merged.gguf");
        fx::write_tiny_model(o, path);
        const auto            base = gguf_file::open(path);
        const adapter_tensors a    = random_adapter(*base, 4, 8, true, 0.5f);
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
        const adapter_tensors zero = random_adapter(*base, 4, 8, false, 0.0f);
        const bool            kept = type_without_importance(type) == type;
        merge(*base, zero, "same", out, &warnings);
        if (kept) {
            check(same_bytes(*base, *gguf_file::open(out)) && warnings.empty(), "zero adapter at the same type changes nothing: " + name);
        } else {
            check(warnings.size() == 1 && warnings[0].code == "export_type_changed", "a type that needs an importance matrix gives a warning: " + name);
        }

        const adapter_tensors a = random_adapter(*base, 6, 3, false, 0.5f);
        merge(*base, a, "f32", out);
        const auto merged = gguf_file::open(out);
        double     worst  = 0;
        for (const tensor_info & t : base->tensors()) {
            const auto *       p    = a.find(t.name);
            const auto         w    = values_of(t), got = values_of(*merged->find(t.name));
            for (size_t i = 0; i < w.size(); ++i) {
                double sum = w[i];
                for (int64_t j = 0; p != nullptr && j < p->rank; ++j) {
                    const auto row = static_cast<int64_t>(i) / p->n_in, col = static_cast<int64_t>(i) % p->n_in;
                    sum += 0.5 * static_cast<double>(p->b[static_cast<size_t>(row * p->rank + j)]) * p->a[static_cast<size_t>(j * p->n_in + col)];
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
            const adapter_tensors a    = random_adapter(*base, 4, 8, false, 0.5f);
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
                    r.output_bytes != merged->file_size_bytes() || r.tensors_merged != static_cast<int64_t>(a.pairs.size())) {
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

void test_peft(const temporary_folder & dir) {
    for (const char * variant : {"llama", "llama-mha", "mistral", "qwen2", "qwen3", "gemma3", "phi3"}) {
        fx::model_options o;
        o.variant              = variant;
        const std::string path = dir.path("base.gguf"), folder = dir.path(std::string("peft-") + variant);
        fx::write_tiny_model(o, path);
        const auto            base = gguf_file::open(path);
        const adapter_tensors a    = random_adapter(*base, 4, 8, false, 0.5f);
        write_peft_folder(a, *base, folder);
        check(equal(a, read_peft_folder(folder, *base)), std::string("PEFT folder round trip: ") + variant);
        std::map<std::string, safetensor> found;
        for (const safetensor & t : read_safetensors(folder + "/adapter_model.safetensors")) {
            found[t.name] = t;
        }
        const bool        fused = std::string(variant) == "phi3";
        const std::string stem  = "base_model.model.model.layers.1.self_attn." + std::string(fused ? "qkv_proj" : "q_proj");
        check(found.size() == 2 * a.pairs.size() && found.count(stem + ".lora_A.weight") == 1 && found.count(stem + ".lora_B.weight") == 1 &&
                  found.count("base_model.model.model.layers.0.mlp." + std::string(fused ? "gate_up_proj" : "up_proj") + ".lora_A.weight") == 1,
              std::string("PEFT names: ") + variant);
        const auto * p  = a.find(fused ? "blk.1.attn_qkv.weight" : "blk.1.attn_q.weight");
        const auto & b  = found[stem + ".lora_B.weight"];
        const auto   s  = fx::shape_of(o);
        bool         ok = b.shape == std::vector<int64_t>{p->n_out, p->rank} && found[stem + ".lora_A.weight"].values == p->a;
        // The converter: W.reshape(n_head, 2, d / 2, n_in).swapaxes(1, 2): row (h, s, i) of Hugging Face's is (h, i, s) of the GGUF's.
        for (int64_t row = 0; ok && row < p->n_out; ++row) {
            const int64_t d = s.head_dim, h = row / d, half = (row % d) / (d / 2), i = row % (d / 2);
            const int64_t gguf = s.arch == "llama" ? h * d + 2 * i + half : row;
            ok                 = std::equal(b.values.begin() + row * p->rank, b.values.begin() + (row + 1) * p->rank, p->b.begin() + gguf * p->rank);
        }
        check(ok, std::string("the rows of q are in Hugging Face's order: ") + variant);
        const std::string config = read_all(folder + "/adapter_config.json");
        check(config.find("\"r\": 4") != std::string::npos && config.find("\"lora_alpha\": 8") != std::string::npos, std::string("PEFT config: ") + variant);
    }
    const std::string path = dir.path("base.gguf"), folder = dir.path("other");
    fx::write_tiny_model({}, path);
    const auto base = gguf_file::open(path);
    std::filesystem::create_directory(folder);
    std::ofstream(folder + "/thesis.txt") << "years of work";
    check_fails("output_not_an_adapter_folder", "a folder with other files", [&] { write_peft_folder(random_adapter(*base, 4, 8, false, 0.5f), *base, folder); });
    check(read_all(folder + "/thesis.txt") == "years of work", "and they stay");
    const std::string weights = dir.path("peft-llama") + "/adapter_model.safetensors", whole = read_all(weights);
    std::set<std::string> codes;
    for (size_t n = 0; n < whole.size(); n += 211) {
        std::ofstream(weights, std::ios::binary) << whole.substr(0, n);
        codes.insert(error_code_of([&] { read_safetensors(weights); }));
    }
    check(codes == std::set<std::string>{"safetensors_invalid"}, "a truncated safetensors file is refused at every length");
}

void test_refusals(const temporary_folder & dir) {
    const std::string path = dir.path("base.gguf"), lora = dir.path("lora.gguf"), out = dir.path("out.gguf");
    fx::write_tiny_model({}, path);
    const auto base = gguf_file::open(path);
    write_adapter_gguf(random_adapter(*base, 4, 8, false, 0.5f), lora);
    const std::string base_bytes = read_all(path);
    std::ofstream(out) << "old";

    export_options o;
    o.model_path   = path;
    o.adapter_path = lora;
    o.output_path  = out;
    check_fails("output_exists", "an existing file", [&] { run_export(o, {}, {}); });
    o.overwrite   = true;
    o.output_type = "q9";
    check_fails("output_type_unknown", "an unknown type", [&] { run_export(o, {}, {}); });
    o.output_type = "f16";
    o.format      = "onnx";
    check_fails("export_format_unknown", "an unknown format", [&] { run_export(o, {}, {}); });
    o.format      = "gguf";
    o.output_path = path;
    check_fails("output_is_input", "the base itself", [&] { run_export(o, {}, {}); });
    o.output_path = lora;
    check_fails("output_is_input", "the adapter itself", [&] { run_export(o, {}, {}); });
    o.output_path = dir.path("none") + "/out.gguf";
    check_fails("output_not_writable", "a missing folder", [&] { run_export(o, {}, {}); });
    o.output_path = out;
    check_fails("none", "being stopped half-way passes on what progress throws", [&] {
        try {
            run_export(o, [](uint64_t done, uint64_t total) { done > total / 2 ? throw 1 : void(); }, {});
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
    const std::string code = error_code_of([&] { run_export(o, {}, {}); });
    setrlimit(RLIMIT_FSIZE, &before);
    check(code == "write_failed" && read_all(out) == "old" && !std::filesystem::exists(out + ".partial"), "a write that fails leaves the old file whole");
#endif
    o.threads       = 1;
    const auto done = run_export(o, {}, {});
    o.threads       = 3;
    o.output_path   = dir.path("threads.gguf");
    run_export(o, {}, {});
    check(read_all(o.output_path) == read_all(out), "any number of threads gives the same file");
    check(done.output_bytes == read_all(out).size() && done.tensors_merged == 14 && done.output_type == "f16" && done.peak_memory_bytes > 0, "a good export replaces it");

    adapter_tensors large = random_adapter(*base, 4, 8, false, 0.5f);
    large.pairs[0].b[0]   = 1e30f;
    check_fails("export_overflow", "numbers too large for F16", [&] { merge(*base, large, "f16", out); });
    fx::write_bad_model("nan-weights", {}, dir.path("nan.gguf"));
    check_fails("weights_not_finite", "a base with NaN", [&] {
        const auto bad = gguf_file::open(dir.path("nan.gguf"));
        merge(*bad, random_adapter(*bad, 4, 8, false, 0.5f), "q8_0", out);
    });
    check(read_all(path) == base_bytes, "the base is as it was");
}

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
    verify_options v;
    v.model_path    = path;
    v.adapter_path  = lora;
    v.tokens_path   = rows;
    v.max_seq_len   = 24;
    v.threads       = 1; // several wait for each other on a busy machine
    const auto run = [&](const std::string & format, const std::string & type) {
        export_options e{path, lora, format, type, dir.path("verify-" + format), true, 1};
        run_export(e, {}, {});
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
    for (const char * format : {"gguf-adapter", "peft"}) {
        const verify_result r = run(format, "same");
        check(r.verdict == "kept" && r.mean_kl_divergence < 1e-10 && r.tuned_loss == r.export_loss, std::string("verify: the adapter alone is exact: ") + format);
    }
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
    v.max_seq_len = 10;
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
    const std::string      path = dir.path("tiny.gguf");
    fx::write_tiny_model({}, path);
    test_adapter_gguf(dir, *gguf_file::open(path));
    test_same_logits(dir);
    test_merge_values(dir);
    test_output_types(dir);
    test_metadata_and_split(dir);
    test_peft(dir);
    test_refusals(dir);
    test_judge();
    test_verify(dir);
    return result();
}
