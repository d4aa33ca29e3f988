#include "trace/capture.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <regex>
#include <unordered_map>

#include "base/error.hpp"
#include "base/llama-log.hpp"
#include "ggml-backend.h"
#include "llama.h"

namespace forja::trace {

namespace {

// Two primes: a size of the model is neither, nor in their ratio. Both are longer than the window that masks are captured with.
constexpr int first_length = 61, second_length = 89, window_in_capture = 23;

struct model_deleter {
    void operator()(llama_model * m) const { llama_model_free(m); }
};
using model_ptr = std::unique_ptr<llama_model, model_deleter>;

llama_model_kv_override override_of(const std::string & key) {
    llama_model_kv_override out{};
    std::strncpy(out.key, key.c_str(), sizeof(out.key) - 1);
    return out;
}

llama_model_kv_override integer(const std::string & key, int64_t value) {
    llama_model_kv_override out = override_of(key);
    out.tag                     = LLAMA_KV_OVERRIDE_TYPE_INT;
    out.val_i64                 = value;
    return out;
}

// What libllama said of a file that it would not load, in the trainer's own terms.
[[noreturn]] void refuse(const gguf_file & file, const std::string & why) {
    const std::string arch   = file.str("general.architecture").value_or("");
    const char *      broken = "The file is damaged or incomplete: download or convert it again.";
    std::smatch       found;
    if (std::regex_search(why, found, std::regex("unknown model architecture"))) {
        throw error("architecture_unsupported", file.path() + ": llama.cpp doesn't know the architecture '" + arch + "'",
                    "Choose a model of another architecture, or a newer version of Forja.", {{"path", file.path()}, {"architecture", arch}});
    }
    if (std::regex_search(why, found, std::regex("missing tensor '([^']*)'")) || std::regex_search(why, found, std::regex("tensor '([^']*)' not found"))) {
        throw error("tensor_missing", file.path() + ": the tensor '" + found[1].str() + "' is missing", broken,
                    {{"path", file.path()}, {"tensor", found[1].str()}});
    }
    if (std::regex_search(why, found, std::regex("tensor '([^']*)' has wrong shape; (.*)"))) {
        throw error("tensor_bad_shape", file.path() + ": the tensor '" + found[1].str() + "' has another shape than its metadata say: " + found[2].str(),
                    "The file's metadata and tensors disagree: download or convert it again.", {{"path", file.path()}, {"tensor", found[1].str()}});
    }
    if (std::regex_search(why, found, std::regex("key not found in model: ([^ ]*)")) ||
        std::regex_search(why, found, std::regex("key ([^ ]*) has wrong (?:type|array length)"))) {
        throw error("gguf_bad_metadata", file.path() + ": llama.cpp can't use the metadata '" + found[1].str() + "': " + why,
                    "The file is damaged or was converted by an old tool: download or convert it again.",
                    {{"path", file.path()}, {"key", found[1].str()}});
    }
    throw error("model_unsupported", file.path() + ": llama.cpp can't load this model" + (why.empty() ? "." : ": " + why),
                "Choose another model, or download this one again.", {{"path", file.path()}, {"reason", why}});
}

// Without the vocabulary, which takes most of the time and does not change the graph. `why`: what libllama says when it refuses.
model_ptr load(const gguf_file & file, int n_swa_override, std::string & why) {
    const std::string                    arch = file.str("general.architecture").value_or("");
    std::vector<llama_model_kv_override> changed;
    llama_model_kv_override              no_vocab = override_of("tokenizer.ggml.model");
    no_vocab.tag                                  = LLAMA_KV_OVERRIDE_TYPE_STR;
    std::strncpy(no_vocab.val_str, "none", sizeof(no_vocab.val_str) - 1);
    changed.push_back(no_vocab);
    const int64_t list = gguf_find_key(file.meta(), "tokenizer.ggml.tokens");
    if (list >= 0 && gguf_get_kv_type(file.meta(), list) == GGUF_TYPE_ARRAY) {
        changed.push_back(integer(arch + ".vocab_size", (int64_t) gguf_get_arr_n(file.meta(), list)));
    }
    if (n_swa_override > 0) {
        changed.push_back(integer(arch + ".attention.sliding_window", n_swa_override));
    }
    changed.push_back({}); // the end

    llama_model_params        p      = llama_model_default_params();
    static ggml_backend_dev_t none[] = {nullptr};
    p.devices         = none;
    p.n_gpu_layers    = 0;
    p.use_extra_bufts = false; // no repacked copies
    p.load_mode       = LLAMA_LOAD_MODE_MMAP;
    p.kv_overrides    = changed.data();
    std::vector<const char *> parts;
    for (const std::string & path : file.paths()) {
        parts.push_back(path.c_str());
    }
    model_ptr m;
    why = llama_log_of([&] { m.reset(load_llama_file([&] { return parts.size() == 1 ? llama_model_load_from_file(parts[0], p) : llama_model_load_from_splits(parts.data(), parts.size(), p); })); });
    return m;
}

// Takes down each node when libllama's scheduler asks about it, its operands first.
struct recorder {
    graph                                         out;
    std::unordered_map<const ggml_tensor *, int> ids;

    int id_of(const ggml_tensor * t) {
        auto known = ids.find(t);
        return known != ids.end() ? known->second : add(t);
    }
    int add(const ggml_tensor * t) {
        node n;
        n.op   = t->op;
        n.type = t->type;
        n.name = t->name;
        std::copy(std::begin(t->ne), std::end(t->ne), n.ne);
        std::copy(std::begin(t->nb), std::end(t->nb), n.nb);
        std::memcpy(n.params, t->op_params, sizeof(n.params));
        for (int i = 0; i < GGML_MAX_SRC; i++) {
            n.src[i] = t->src[i] && t->src[i] != t ? id_of(t->src[i]) : -1; // a cast names itself
        }
        n.view_src  = t->view_src ? id_of(t->view_src) : -1;
        n.view_offs = t->view_offs;
        if (t->op == GGML_OP_NONE) {
            const ggml_tensor *         owner  = t->view_src ? t->view_src : t;
            const ggml_backend_buffer_t buffer = owner->buffer;
            if (buffer && ggml_backend_buffer_get_usage(buffer) == GGML_BACKEND_BUFFER_USAGE_WEIGHTS) {
                n.what = node::kind::weight;
            } else if (n.name.rfind("cache_", 0) == 0) {
                n.what = node::kind::memory;
            } else if (t->flags & GGML_TENSOR_FLAG_INPUT) {
                n.what = node::kind::input;
                if (t->data) {
                    n.bytes.resize(ggml_nbytes(t));
                    ggml_backend_tensor_get(t, n.bytes.data(), 0, n.bytes.size());
                }
            } else {
                n.what = node::kind::constant;
            }
        }
        out.nodes.push_back(std::move(n));
        return ids[t] = (int) out.nodes.size() - 1;
    }
    static bool on_node(ggml_tensor * t, bool ask, void * user) {
        if (ask) {
            ((recorder *) user)->id_of(t);
        }
        return false; // results are not wanted
    }
};

graph capture_length(llama_model & model, const gguf_file & file, int n_tokens) {
    recorder             r;
    llama_context_params p = llama_context_default_params();
    p.n_ctx                = 256;
    p.n_batch = p.n_ubatch = 128;
    p.n_seq_max            = 1;
    p.n_threads = p.n_threads_batch = 1;
    p.flash_attn_type   = LLAMA_FLASH_ATTN_TYPE_ENABLED; // attention is one node then
    p.type_k = p.type_v = GGML_TYPE_F32;
    p.op_offload        = false;
    p.offload_kqv       = false;
    p.swa_full          = true;
    p.kv_unified        = true;
    p.no_perf           = true;
    p.abort_callback    = [](void *) { return true; }; // every node is asked about before the first is computed
    p.cb_eval           = recorder::on_node;
    p.cb_eval_user_data = &r;
    std::unique_ptr<llama_context, void (*)(llama_context *)> ctx(nullptr, llama_free);
    const std::string why = llama_log_of([&] { ctx.reset(llama_init_from_model(&model, p)); });
    if (!ctx) {
        refuse(file, why);
    }
    r.out = {}; // libllama has measured graphs until here
    r.ids.clear();
    llama_batch   b       = llama_batch_init(n_tokens, 0, 1);
    const int32_t n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(&model));
    for (int i = 0; i < n_tokens; i++) {
        b.token[i]     = n_vocab > 0 ? i % n_vocab : 0;
        b.pos[i]       = i;
        b.n_seq_id[i]  = 1;
        b.seq_id[i][0] = 0;
        b.logits[i]    = 1;
    }
    b.n_tokens = n_tokens;
    llama_log_of([&] { llama_decode(ctx.get(), b); }); // it reports the abort
    llama_batch_free(b);
    r.out.n_tokens = n_tokens;
    for (size_t i = 0; i < r.out.nodes.size(); i++) { // the last one, where none has the name
        if (r.out.nodes[i].name == "result_output") {
            r.out.output = (int) i;
            break;
        }
        r.out.output = r.out.nodes[i].what == node::kind::computed ? (int) i : r.out.output;
    }
    return std::move(r.out);
}

} // namespace

float node::f32(int i) const {
    float out;
    std::memcpy(&out, &params[i], sizeof(out));
    return out;
}

std::string op_name(const node & n) {
    if (n.op == GGML_OP_UNARY) {
        return std::string("UNARY:") + ggml_unary_op_name((ggml_unary_op) n.i32(0));
    }
    if (n.op == GGML_OP_GLU) {
        return std::string("GLU:") + ggml_glu_op_name((ggml_glu_op) n.i32(0));
    }
    return ggml_op_name(n.op);
}

capture capture_graphs(const gguf_file & file) {
    const std::string arch       = file.str("general.architecture").value_or("");
    const std::string window_key = arch + ".attention.sliding_window";
    const int64_t     window     = file.is_array(window_key) ? 0 : file.i64(window_key).value_or(0);

    std::string why;
    model_ptr   model = load(file, window > 0 ? window_in_capture : 0, why);
    if (!model) {
        refuse(file, why);
    }
    if (llama_model_has_encoder(model.get())) {
        throw error("architecture_unsupported", file.path() + ": the architecture '" + arch + "' has an encoder; only causal language models can be trained",
                    "Choose a language model that writes text.", {{"path", file.path()}, {"architecture", arch}});
    }
    capture out;
    out.swa_as_seen = llama_model_n_swa(model.get());
    out.n_swa       = out.swa_as_seen == window_in_capture && window > 0 ? (int) window : out.swa_as_seen;
    out.first       = capture_length(*model, file, first_length);
    out.second      = capture_length(*model, file, second_length);
    for (const graph * g : {&out.first, &out.second}) {
        if (g->output < 0) {
            throw error("architecture_unsupported", file.path() + ": the architecture '" + arch + "' gives no logits; only causal language models can be trained",
                        "Choose a language model that writes text.", {{"path", file.path()}, {"architecture", arch}});
        }
    }
    return out;
}

} // namespace forja::trace
