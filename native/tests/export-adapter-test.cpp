// The adapter alone: as a GGUF file and as a PEFT folder.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/llama-log.hpp"
#include "export/adapter-gguf.hpp"
#include "export/peft-folder.hpp"
#include "export/safetensors.hpp"
#include "fixtures/tiny-model.hpp"
#include "peft/lora.hpp"
#include "support/expect-error.hpp"
#include "support/random-adapter.hpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja;
using namespace forja::test;
namespace fx = forja::fixtures;

namespace {

bool equal(const saved_tuning & x, const saved_tuning & y) {
    const method_settings &s = x.settings, &t = y.settings;
    bool same = x.architecture == y.architecture && x.base_model_name == y.base_model_name && s.method == t.method && s.lora_rank == t.lora_rank &&
                s.lora_alpha == t.lora_alpha && s.use_rslora == t.use_rslora && s.lora_dropout == t.lora_dropout && x.tensors.size() == y.tensors.size();
    for (const auto & p : x.tensors) {
        const auto * q = y.find(p.site, p.part);
        same           = same && q != nullptr && p.ne0 == q->ne0 && p.ne1 == q->ne1 && p.values == q->values;
    }
    return same;
}

void test_adapter_gguf(const temporary_folder & dir, const gguf_file & base) {
    const std::string path = dir.path("adapter.gguf");
    for (const bool rslora : {false, true}) {
        const saved_tuning a = random_adapter(base, 5, 7.5, rslora, 0.5f);
        write_adapter_gguf(a, path);
        const saved_tuning back = read_tuning(path);
        check(equal(a, back) && back.settings.target_modules == a.settings.target_modules, std::string("adapter GGUF round trip") + (rslora ? ", rslora" : ""));
        const auto file = gguf_file::open(path);
        check(std::fabs(*file->f64("adapter.lora.alpha") / 5.0 - lora_scale(7.5, 5, rslora)) < 1e-6, "llama.cpp's alpha / r is the scale");
    }
    check(lora_scale(32, 16, false) == 2.0f && lora_scale(32, 16, true) == 8.0f, "scale by formula");
    const saved_tuning whole = random_adapter(base, 4, 8, false, 0.5f);
    saved_tuning       a     = whole;
    a.tensors[0].values[3]   = NAN;
    write_adapter_gguf(a, path);
    check_fails("adapter_invalid", "an adapter with NaN", [&] { read_tuning(path); });
    check_fails("adapter_invalid", "a model in an adapter's place", [&] { read_tuning(base.path()); });
    a              = whole;
    a.architecture = "qwen2";
    check_fails("adapter_mismatch", "another architecture", [&] { require_tuning_fits(a, base); });
    a                 = whole;
    a.tensors[0].site = "blk.99.attn_q.weight";
    check_fails("adapter_mismatch", "a layer that isn't there", [&] { require_tuning_fits(a, base); });
    a                = whole;
    a.tensors[0].ne0 = 2;
    check_fails("adapter_mismatch", "another width", [&] { require_tuning_fits(a, base); });
}

// What a config names as its base: a repository or nothing.
void test_hub_repository(const temporary_folder & dir) {
    const auto of = [&](const char * key, const char * value) {
        const std::string path = dir.path("named.gguf");
        gguf_context *    meta = gguf_init_empty();
        gguf_set_val_str(meta, "general.architecture", "llama");
        gguf_set_val_str(meta, "general.name", "Org/A display name");
        gguf_set_val_str(meta, key, value);
        gguf_write_to_file(meta, path.c_str(), true);
        gguf_free(meta);
        return hub_repository(*gguf_file::open(path)).value_or("none");
    };
    check(of("general.source.huggingface.repository", "org/model-1.5") == "org/model-1.5", "the repository that it was converted from");
    check(of("general.source.url", "https://huggingface.co/org/model_x") == "org/model_x", "its address");
    check(of("general.repo_url", "https://huggingface.co/org/model/tree/main") == "org/model", "an address of a page in it");
    check(of("general.source.url", "https://example.com/org/model") == "none", "another host's");
    check(of("general.source.huggingface.repository", "A display name") == "none", "a name that is no repository's");
    check(of("general.base_model.0.repo_url", "https://huggingface.co/org/parent") == "none", "what the model was tuned from is not the model");
    check(of("general.basename", "model") == "none", "no source at all");
}

void test_peft(const temporary_folder & dir) {
    for (const char * variant : {"llama", "llama-mha", "mistral", "qwen2", "qwen3", "gemma3", "phi3"}) {
        fx::model_options o;
        o.variant              = variant;
        const std::string path = dir.path("base.gguf"), folder = dir.path(std::string("peft-") + variant);
        fx::write_tiny_model(o, path);
        const auto            base = gguf_file::open(path);
        const saved_tuning a    = random_adapter(*base, 4, 8, false, 0.5f);
        write_peft_folder(a, *base, folder);
        check(equal(a, read_peft_folder(folder, *base)), std::string("PEFT folder round trip: ") + variant);
        std::map<std::string, safetensor> found;
        for (const safetensor & t : read_safetensors(folder + "/adapter_model.safetensors")) {
            found[t.name] = t;
        }
        const bool        fused = std::string(variant) == "phi3";
        const std::string stem  = "base_model.model.model.layers.1.self_attn." + std::string(fused ? "qkv_proj" : "q_proj");
        check(found.size() == a.tensors.size() && found.count(stem + ".lora_A.weight") == 1 && found.count(stem + ".lora_B.weight") == 1 &&
                  found.count("base_model.model.model.layers.0.mlp." + std::string(fused ? "gate_up_proj" : "up_proj") + ".lora_A.weight") == 1,
              std::string("PEFT names: ") + variant);
        const std::string site = fused ? "blk.1.attn_qkv.weight" : "blk.1.attn_q.weight";
        const auto * p  = a.find(site, "lora_b");
        const auto & b  = found[stem + ".lora_B.weight"];
        const auto   s  = fx::shape_of(o);
        bool         ok = b.shape == std::vector<int64_t>{p->ne1, p->ne0} && found[stem + ".lora_A.weight"].values == a.find(site, "lora_a")->values;
        // The converter: W.reshape(n_head, 2, d / 2, n_in).swapaxes(1, 2): row (h, s, i) of Hugging Face's is (h, i, s) of the GGUF's.
        for (int64_t row = 0; ok && row < p->ne1; ++row) {
            const int64_t d = s.head_dim, h = row / d, half = (row % d) / (d / 2), i = row % (d / 2);
            const int64_t gguf = s.arch == "llama" ? h * d + 2 * i + half : row;
            ok                 = std::equal(b.values.begin() + row * p->ne0, b.values.begin() + (row + 1) * p->ne0, p->values.begin() + gguf * p->ne0);
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

} // namespace

int main() {
    quiet_llama_log();
    const temporary_folder dir;
    const std::string      path = dir.path("tiny.gguf");
    fx::write_tiny_model({}, path);
    test_adapter_gguf(dir, *gguf_file::open(path));
    test_hub_repository(dir);
    test_peft(dir);
    return result();
}
