#include "model/model.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "model/parameter-count.hpp"
#include "trace/trace.hpp"

namespace forja {

// Makes the tensors that a program names, as they lie in the file. libllama has checked their shapes.
struct model_loader {
    const gguf_file &          file;
    ggml_context *             ctx;
    int                        block = -1; // that the tensors asked for from now on belong to; -1 for none
    std::vector<stored_weight> wanted;

    ggml_tensor * tensor(const std::string & name, bool must_be_f32, std::map<std::string, ggml_tensor *> & made) {
        if (auto known = made.find(name); known != made.end()) {
            return known->second;
        }
        const tensor_info * info = file.find(name);
        if (!info) {
            throw error("tensor_missing", file.path() + ": the tensor '" + name + "' is missing",
                        "The file is damaged or incomplete: download or convert it again.", {{"path", file.path()}, {"tensor", name}});
        }
        if (must_be_f32 ? info->type != GGML_TYPE_F32 : info->type != GGML_TYPE_F32 && ggml_get_type_traits(info->type)->to_float == nullptr) {
            throw error("tensor_bad_type", file.path() + ": the tensor '" + name + "' has type " + ggml_type_name(info->type) + ", which can't be used here",
                        must_be_f32 ? "Norms and biases must be F32: convert the model again." : "Choose a file of another quantisation.",
                        {{"path", file.path()}, {"tensor", name}, {"type", ggml_type_name(info->type)}});
        }
        int n_dims = std::max(1, info->n_dims);
        while (n_dims > 1 && info->ne[n_dims - 1] == 1) {
            n_dims--;
        }
        ggml_tensor * t = ggml_new_tensor(ctx, info->type, n_dims, info->ne.data());
        ggml_set_name(t, name.c_str());
        made[name] = t;
        wanted.push_back({t, info, block});
        return t;
    }
};

namespace {

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
        if (t.n_dims >= 2 && t.name.rfind("blk.", 0) == 0) {
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

void model::bind(model_loader & in, const trace::part & p) {
    for (const trace::step & s : p.steps) {
        const bool has_experts = s.kind == trace::step_kind::experts || s.kind == trace::step_kind::experts_sum;
        const bool is_linear   = s.kind == trace::step_kind::linear || has_experts;
        if (!s.weight.empty()) {
            ggml_tensor * w = in.tensor(s.weight, !is_linear && s.kind != trace::step_kind::embedding, tensors_);
            if (is_linear) {
                linears_[s.weight] = {s.weight, w, nullptr, file_->find(s.weight)};
            }
        }
        if (!s.bias.empty()) {
            ggml_tensor * b = in.tensor(s.bias, true, tensors_);
            if (is_linear) {
                linears_[s.weight].bias = b;
            }
        }
        // A router stays as it is, and so does a gate of one value: peers leave both frozen. Experts are no sites yet.
        if (is_linear && in.block >= 0 && !has_experts && !s.router && tensors_.at(s.weight)->ne[1] > 1) {
            sites_.push_back({&linears_.at(s.weight), s.role, in.block});
        }
    }
}

// The order in which a person would name a block's layers; what has no common name comes last.
static int rank_of(const std::string & role) {
    static const std::array<const char *, 9> order{"q", "k", "v", "q,k,v", "o", "gate", "up", "gate,up", "down"};
    return (int) (std::find(order.begin(), order.end(), role) - order.begin());
}

std::string model::kind_of(int block) const {
    const trace::part & p   = program_.blocks[block];
    std::string         out = p.signature();
    for (const trace::step & s : p.steps) {
        if (linears_.count(s.weight)) {
            out += std::string(" ") + ggml_type_name(tensor(s.weight)->type);
        }
    }
    return out;
}

std::shared_ptr<model> model::load(std::shared_ptr<gguf_file> file, std::shared_ptr<forja::device> dev, int max_seq_len,
                                   bool check_values) {
    auto out      = std::shared_ptr<model>(new model());
    out->file_    = file;
    out->dev_     = dev;
    out->program_ = trace::trace_model(*file, max_seq_len);
    const trace::program & program = out->program_;

    hparams & hp     = out->hp_;
    hp.architecture  = file->str("general.architecture").value_or("");
    hp.n_layer       = (int) program.blocks.size();
    hp.n_embd        = (int) program.n_embd;
    hp.n_head        = (int) std::max<int64_t>(program.n_head, 1);
    hp.n_vocab       = (int) program.n_vocab;
    hp.n_ctx_train   = (int) file->i64(hp.architecture + ".context_length").value_or(0);
    hp.final_softcap = program.final_softcap;

    ggml_init_params params{};
    params.mem_size = (file->tensors().size() + 8) * ggml_tensor_overhead();
    params.no_alloc = true;
    out->ctx_.reset(ggml_init(params));
    model_loader in{*file, out->ctx_.get(), -1, {}};
    out->bind(in, program.prologue);
    for (int il = 0; il < hp.n_layer; il++) {
        in.block = il;
        out->bind(in, program.blocks[il]);
    }
    in.block = -1;
    out->bind(in, program.epilogue);
    linear_weights & head = out->linears_[program.head];
    head = {program.head, in.tensor(program.head, false, out->tensors_), nullptr, file->find(program.head)};
    if (!program.head_bias.empty()) {
        head.bias = in.tensor(program.head_bias, true, out->tensors_);
    }
    out->output_ = &head;
    std::stable_sort(out->sites_.begin(), out->sites_.end(), [](const site & a, const site & b) {
        return std::make_pair(a.block, rank_of(a.role)) < std::make_pair(b.block, rank_of(b.role));
    });

    out->embd_ = file->find(program.embedding);
    if (ggml_get_type_traits(out->embd_->type)->to_float == nullptr && out->embd_->type != GGML_TYPE_F32) {
        throw error("tensor_bad_type", file->path() + ": the tensor '" + program.embedding + "' has type " + ggml_type_name(out->embd_->type),
                    "Choose a file of another quantisation.", {{"path", file->path()}, {"tensor", program.embedding}});
    }
    out->n_params_  = count_parameters(*file);
    out->base_type_ = most_common_type(*file);
    if (check_values) {
        auto entries = in.wanted;
        if (program.head != program.embedding) {
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
            w.head = w.tensor == out->output_->weight;
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

void model::embed(const int32_t * tokens, int64_t n, float * out) const { rows(*embd_, tokens, n, program_.embedding_scale, out); }

void model::head_rows(const int32_t * tokens, int64_t n, float * out) const { rows(*output_->info, tokens, n, 1.0f, out); }

} // namespace forja
