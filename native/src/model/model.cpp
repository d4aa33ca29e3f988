#include "model/model.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include "base/error.hpp"

namespace forja {

namespace {

std::string shape_text(const std::vector<int64_t> & ne) {
    std::string out = "[";
    for (size_t i = 0; i < ne.size(); i++) {
        out += (i ? ", " : "") + std::to_string(ne[i]);
    }
    return out + "]";
}

// Looks tensors up by name, checks shape and type, and remembers which were used: a tensor that nobody asked for means that
// the file computes something this trainer does not know.
class loader {
  public:
    loader(const gguf_file & file, ggml_context * ctx) : file(file), ctx(ctx) {}

    ggml_tensor * tensor(const std::string & name, std::vector<int64_t> ne, bool required, bool must_be_f32) {
        const tensor_info * info = file.find(name);
        if (!info) {
            if (required) {
                throw error("tensor_missing", file.path() + ": the tensor '" + name + "' is missing",
                            "The file is damaged or incomplete: download or convert it again.",
                            {{"path", file.path()}, {"tensor", name}});
            }
            return nullptr;
        }
        std::vector<int64_t> have(info->ne.begin(), info->ne.begin() + std::max(1, info->n_dims));
        while (have.size() > ne.size() && have.back() == 1) {
            have.pop_back();
        }
        if (have != ne) {
            throw error("tensor_bad_shape",
                        file.path() + ": the tensor '" + name + "' is " + shape_text(have) + " where " + shape_text(ne) + " was expected",
                        "The file's metadata and tensors disagree: download or convert it again.",
                        {{"path", file.path()}, {"tensor", name}});
        }
        const ggml_type_traits * traits = ggml_get_type_traits(info->type);
        if (must_be_f32 ? info->type != GGML_TYPE_F32 : info->type != GGML_TYPE_F32 && traits->to_float == nullptr) {
            throw error("tensor_bad_type", file.path() + ": the tensor '" + name + "' has type " + ggml_type_name(info->type) + ", which can't be used here",
                        must_be_f32 ? "Norms and biases must be F32: convert the model again." : "Choose a file of another quantisation.",
                        {{"path", file.path()}, {"tensor", name}, {"type", ggml_type_name(info->type)}});
        }
        auto known = made.find(name);
        if (known != made.end()) {
            return known->second;
        }
        ggml_tensor * t = ggml_new_tensor(ctx, info->type, (int) ne.size(), ne.data());
        ggml_set_name(t, name.c_str());
        made[name] = t;
        wanted.push_back({t, info, block});
        return t;
    }

    ggml_tensor * vector(const std::string & name, int64_t n, bool required) { return tensor(name, {n}, required, true); }

    linear_weights linear(const std::string & stem, int64_t n_in, int64_t n_out, bool required) {
        linear_weights out;
        out.name   = stem + ".weight";
        out.weight = tensor(out.name, {n_in, n_out}, required, false);
        if (out.weight) {
            out.info = file.find(out.name);
            out.bias = vector(stem + ".bias", n_out, false);
        }
        return out;
    }

    void refuse_unused(const std::set<std::string> & ignorable) const {
        for (const tensor_info & t : file.tensors()) {
            if (!made.count(t.name) && !ignorable.count(t.name)) {
                throw error("tensor_unexpected", file.path() + ": the tensor '" + t.name + "' is not part of the " +
                                file.str("general.architecture").value_or("") + " models that can be trained",
                            "This variant of the model isn't supported: choose another.", {{"path", file.path()}, {"tensor", t.name}});
            }
        }
    }

    /// Block that the tensors asked for from now on belong to; -1 for none.
    int block = -1;

    std::vector<stored_weight> wanted;

  private:
    const gguf_file &                    file;
    ggml_context *                       ctx;
    std::map<std::string, ggml_tensor *> made;
};

void check_finite(const gguf_file & file, const std::vector<stored_weight> & entries, int threads) {
    std::atomic<size_t>      next{0};
    std::atomic<int>         bad{-1};
    std::vector<std::thread> pool;
    for (int i = 0; i < std::max(1, threads); i++) {
        pool.emplace_back([&] {
            for (size_t k = next++; k < entries.size() && bad < 0; k = next++) {
                if (!ggml_validate_row_data(entries[k].info->type, entries[k].info->data, entries[k].info->n_bytes)) {
                    bad = (int) k;
                }
            }
        });
    }
    for (std::thread & t : pool) {
        t.join();
    }
    if (bad >= 0) {
        const std::string & name = entries[bad].info->name;
        throw error("weights_not_finite", file.path() + ": the tensor '" + name + "' holds NaN or infinite values",
                    "The file is damaged, or its conversion went wrong: download or convert it again.",
                    {{"path", file.path()}, {"tensor", name}});
    }
}

} // namespace

ggml_type most_common_type(const gguf_file & file) {
    std::map<ggml_type, size_t> bytes;
    for (const tensor_info & t : file.tensors()) {
        if (t.n_dims == 2 && t.name.rfind("blk.", 0) == 0) {
            bytes[t.type] += t.n_bytes;
        }
    }
    ggml_type best = GGML_TYPE_F32;
    size_t    most = 0;
    for (auto & [type, n] : bytes) {
        if (n > most) {
            best = type;
            most = n;
        }
    }
    return best;
}

std::shared_ptr<model> model::load(std::shared_ptr<gguf_file> file, std::shared_ptr<forja::device> dev, int max_seq_len,
                                   bool check_values) {
    auto out   = std::shared_ptr<model>(new model());
    out->file_ = file;
    out->dev_  = dev;
    out->arch_ = &find_architecture(*file);
    out->hp_   = read_hparams(*file, max_seq_len);
    const hparams & hp = out->hp_;

    ggml_init_params params{};
    params.mem_size = (file->tensors().size() + 8) * ggml_tensor_overhead();
    params.no_alloc = true;
    out->ctx_.reset(ggml_init(params));
    loader in(*file, out->ctx_.get());

    const int64_t n_q = (int64_t) hp.n_head * hp.head_dim, n_kv = (int64_t) hp.n_head_kv * hp.head_dim;
    for (int il = 0; il < hp.n_layer; il++) {
        const std::string p = "blk." + std::to_string(il) + ".";
        block_weights     b;
        in.block    = il;
        b.attn_norm = in.vector(p + "attn_norm.weight", hp.n_embd, true);
        b.qkv       = in.linear(p + "attn_qkv", hp.n_embd, n_q + 2 * n_kv, false);
        if (!b.qkv) {
            b.q = in.linear(p + "attn_q", hp.n_embd, n_q, true);
            b.k = in.linear(p + "attn_k", hp.n_embd, n_kv, true);
            b.v = in.linear(p + "attn_v", hp.n_embd, n_kv, true);
        }
        if (out->arch_->qk_norm) {
            b.q_norm = in.vector(p + "attn_q_norm.weight", hp.head_dim, true);
            b.k_norm = in.vector(p + "attn_k_norm.weight", hp.head_dim, true);
        }
        b.o        = in.linear(p + "attn_output", n_q, hp.n_embd, true);
        b.ffn_norm = in.vector(p + "ffn_norm.weight", hp.n_embd, true);
        b.gate     = in.linear(p + "ffn_gate", hp.n_embd, hp.n_ff, false);
        if (b.gate) {
            b.up = in.linear(p + "ffn_up", hp.n_embd, hp.n_ff, true);
        } else {
            b.gate_up = in.linear(p + "ffn_up", hp.n_embd, 2 * hp.n_ff, true);
        }
        b.down = in.linear(p + "ffn_down", hp.n_ff, hp.n_embd, true);
        if (out->arch_->post_norms) {
            b.attn_post_norm = in.vector(p + "post_attention_norm.weight", hp.n_embd, true);
            b.ffn_post_norm  = in.vector(p + "post_ffw_norm.weight", hp.n_embd, true);
        }
        out->blocks_.push_back(b);
    }
    in.block          = -1;
    out->output_norm_ = in.vector("output_norm.weight", hp.n_embd, true);
    out->tied_        = file->find("output.weight") == nullptr;
    out->output_      = in.linear(out->tied_ ? "token_embd" : "output", hp.n_embd, hp.n_vocab, true);
    out->embd_        = file->find("token_embd.weight");
    if (!hp.rope_factors.empty()) {
        out->rope_factors_ = in.vector(hp.rope_factors, hp.rope.n_rot / 2, true);
    }
    // The embeddings are read on the host; long and short rotary factors are alternatives.
    in.refuse_unused({"token_embd.weight", "rope_factors_long.weight", "rope_factors_short.weight", "rope_freqs.weight"});
    if (ggml_get_type_traits(out->embd_->type)->to_float == nullptr && out->embd_->type != GGML_TYPE_F32) {
        throw error("tensor_bad_type", file->path() + ": the tensor 'token_embd.weight' has type " + ggml_type_name(out->embd_->type),
                    "Choose a file of another quantisation.", {{"path", file->path()}, {"tensor", "token_embd.weight"}});
    }
    for (const tensor_info & t : file->tensors()) {
        out->n_params_ += t.ne[0] * t.ne[1] * t.ne[2] * t.ne[3];
    }
    out->base_type_ = most_common_type(*file);
    if (check_values) {
        auto entries = in.wanted;
        if (!out->tied_) {
            entries.push_back({nullptr, out->embd_, -1});
        }
        check_finite(*file, entries, dev->threads());
    }

    if (dev->is_cpu()) {
        // One buffer over each mapped file; tensors point into it.
        const size_t                 n_files = file->paths().size();
        std::vector<const uint8_t *> lo(n_files, nullptr), hi(n_files, nullptr);
        for (const stored_weight & e : in.wanted) {
            const uint8_t *& l = lo[e.info->file_index];
            const uint8_t *& h = hi[e.info->file_index];
            l = l ? std::min(l, e.info->data) : e.info->data;
            h = std::max(h, e.info->data + e.info->n_bytes);
        }
        out->buffers_.resize(n_files);
        for (size_t i = 0; i < n_files; i++) {
            if (lo[i]) {
                auto base = (uint8_t *) ((uintptr_t) lo[i] & ~(uintptr_t) 4095); // mappings begin at a page
                out->buffers_[i].reset(ggml_backend_dev_buffer_from_host_ptr(dev->dev(), base, hi[i] - base, hi[i] - base));
                if (!out->buffers_[i]) {
                    throw failure("device_failed", "The CPU backend can't use mapped memory");
                }
                ggml_backend_buffer_set_usage(out->buffers_[i].get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
            }
        }
        for (const stored_weight & e : in.wanted) {
            ggml_backend_tensor_alloc(out->buffers_[e.info->file_index].get(), e.tensor, (void *) e.info->data);
        }
    } else {
        for (stored_weight & w : in.wanted) {
            w.head = w.tensor == out->output_.weight;
        }
        out->weights_ = std::make_unique<weight_store>(dev, in.wanted, hp.n_layer);
    }
    return out;
}

void model::rows(const tensor_info & t, const int32_t * ids, int64_t n, float scale, float * out) const {
    const size_t  row_bytes = ggml_row_size(t.type, t.ne[0]);
    const int64_t width     = t.ne[0];
    auto          to_float  = ggml_get_type_traits(t.type)->to_float;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t * src = t.data + row_bytes * ids[i];
        float *         dst = out + width * i;
        if (t.type == GGML_TYPE_F32) {
            std::memcpy(dst, src, width * sizeof(float));
        } else {
            to_float(src, dst, width);
        }
        if (scale != 1.0f) {
            for (int64_t j = 0; j < width; j++) {
                dst[j] *= scale;
            }
        }
    }
}

void model::embed(const int32_t * tokens, int64_t n, float * out) const { rows(*embd_, tokens, n, hp_.embedding_scale, out); }

void model::head_rows(const int32_t * tokens, int64_t n, float * out) const { rows(*output_.info, tokens, n, 1.0f, out); }

} // namespace forja
