#include "model/architecture.hpp"

#include <cmath>

#include "base/error.hpp"
#include "model/architectures/all.hpp"

namespace forja {

const std::vector<const architecture *> & architectures() {
    static const std::vector<const architecture *> list{&arch_llama, &arch_qwen2, &arch_qwen3, &arch_gemma3, &arch_phi3};
    return list;
}

const architecture & find_architecture(const gguf_file & file) {
    const std::string name = file.str("general.architecture").value_or("");
    std::string       known;
    for (const architecture * a : architectures()) {
        if (name == a->name) {
            return *a;
        }
        known += (known.empty() ? "" : ", ") + std::string(a->name);
    }
    throw error("architecture_unsupported", file.path() + ": the architecture '" + name + "' can't be trained",
                "Choose a model of one of these architectures: " + known + ".",
                {{"path", file.path()}, {"architecture", name}, {"supported", known}});
}

namespace {

class reader {
  public:
    reader(const gguf_file & file, const std::string & arch) : file(file), arch(arch) {}

    // An array with one value per layer is taken where all are equal: some converters write head counts so.
    int64_t need(const char * key) const {
        std::optional<int64_t> v = maybe(key);
        if (!v) {
            bad(key, "is missing");
        }
        if (*v <= 0 || *v > (int64_t(1) << 31) - 1) {
            bad(key, "is out of range: " + std::to_string(*v));
        }
        return *v;
    }
    std::optional<int64_t> maybe(const char * key) const {
        const std::string full = arch + "." + key;
        const int64_t     id   = gguf_find_key(file.meta(), full.c_str());
        if (id < 0) {
            return std::nullopt;
        }
        if (gguf_get_kv_type(file.meta(), id) != GGUF_TYPE_ARRAY) {
            return file.i64(full);
        }
        std::vector<int64_t> values = file.i64_array(full).value();
        for (int64_t v : values) {
            if (v != values[0]) {
                throw error("model_unsupported", file.path() + ": '" + full + "' differs between layers, which isn't supported",
                            "Choose a model whose layers are alike.", {{"path", file.path()}, {"key", full}});
            }
        }
        return values.empty() ? std::nullopt : std::optional<int64_t>(values[0]);
    }
    [[noreturn]] void bad(const std::string & key, const std::string & why) const {
        throw error("gguf_bad_metadata", file.path() + ": metadata '" + arch + "." + key + "' " + why,
                    "The file is damaged or was converted by an old tool: download or convert it again.",
                    {{"path", file.path()}, {"key", arch + "." + key}});
    }

  private:
    const gguf_file &   file;
    const std::string & arch;
};

} // namespace

hparams read_hparams(const gguf_file & file, int max_seq_len) {
    const architecture & arch = find_architecture(file);
    hparams              hp;
    hp.architecture = arch.name;
    const std::string  prefix = hp.architecture + ".";
    const reader       in(file, hp.architecture);

    if (in.maybe("expert_count").value_or(0) > 0) {
        throw error("model_unsupported", file.path() + ": mixture-of-experts models can't be trained yet",
                    "Choose a dense model.", {{"path", file.path()}});
    }
    hp.n_layer     = (int) in.need("block_count");
    hp.n_embd      = (int) in.need("embedding_length");
    hp.n_head      = (int) in.need("attention.head_count");
    hp.n_head_kv   = (int) in.maybe("attention.head_count_kv").value_or(hp.n_head);
    hp.n_ff        = (int) in.need("feed_forward_length");
    hp.n_ctx_train = (int) in.need("context_length");
    if (hp.n_layer > 4096) {
        in.bad("block_count", "is out of range: " + std::to_string(hp.n_layer));
    }
    if (hp.n_head_kv <= 0 || hp.n_head % hp.n_head_kv != 0) {
        in.bad("attention.head_count_kv", "does not divide the head count");
    }
    hp.head_dim = (int) in.maybe("attention.key_length").value_or(hp.n_embd / hp.n_head);
    if (in.maybe("attention.value_length").value_or(hp.head_dim) != hp.head_dim) {
        throw error("model_unsupported", file.path() + ": keys and values of different length aren't supported",
                    "Choose another model.", {{"path", file.path()}});
    }
    const tensor_info * embd = file.find("token_embd.weight");
    if (!embd) {
        throw error("tensor_missing", file.path() + ": the tensor 'token_embd.weight' is missing",
                    "The file is damaged or incomplete: download or convert it again.",
                    {{"path", file.path()}, {"tensor", "token_embd.weight"}});
    }
    hp.n_vocab         = (int) embd->ne[1];
    hp.rms_eps         = (float) file.f64(prefix + "attention.layer_norm_rms_epsilon").value_or(1e-5);
    hp.attention_scale = (float) file.f64(prefix + "attention.scale").value_or(0.0);
    if (hp.attention_scale == 0.0f) {
        hp.attention_scale = 1.0f / std::sqrt((float) hp.head_dim);
    }
    hp.is_local.assign(hp.n_layer, false);

    // Rotary settings, by the same rules as llama.cpp.
    hp.rope.n_rot       = (int) in.maybe("rope.dimension_count").value_or(hp.head_dim);
    hp.rope.freq_base   = (float) file.f64(prefix + "rope.freq_base").value_or(10000.0);
    hp.rope.attn_factor = (float) file.f64(prefix + "rope.scaling.attn_factor").value_or(1.0);
    hp.rope.n_ctx_orig  = (int) in.maybe("rope.scaling.original_context_length").value_or(hp.n_ctx_train);
    const std::string scaling = file.str(prefix + "rope.scaling.type").value_or("linear");
    double            factor  = file.f64(prefix + "rope.scaling.factor").value_or(file.f64(prefix + "rope.scale_linear").value_or(0.0));
    hp.rope.freq_scale        = factor == 0.0 || scaling == "none" ? 1.0f : (float) (1.0 / factor);
    hp.rope.ext_factor        = scaling == "yarn" ? 1.0f : 0.0f;
    if (file.find("rope_freqs.weight")) {
        hp.rope_factors = "rope_freqs.weight";
    } else if (file.find("rope_factors_long.weight")) {
        hp.rope_factors = max_seq_len > hp.rope.n_ctx_orig ? "rope_factors_long.weight" : "rope_factors_short.weight";
    }
    hp.rope_local = hp.rope;
    arch.read(file, max_seq_len, hp);
    if (hp.rope.n_rot > hp.head_dim || hp.rope.n_rot % 2 != 0) {
        in.bad("rope.dimension_count", "is out of range");
    }
    return hp;
}

} // namespace forja
