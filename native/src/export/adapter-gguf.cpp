#include "export/adapter-gguf.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <map>

#include "base/error.hpp"
#include "gguf/gguf-writer.hpp"

namespace forja {

namespace {

constexpr const char * suffix_a = ".lora_a";
constexpr const char * suffix_b = ".lora_b";

error invalid(const std::string & path, const std::string & what) {
    return error("adapter_invalid", path + " is not a usable LoRA adapter: " + what + ".", "Choose an adapter made by Forja or by llama.cpp's converter.",
                 {{"path", path}, {"reason", what}});
}

/// What llama.cpp must find as adapter.lora.alpha to compute the right scale (it always divides by r).
float alpha_for_llama_cpp(const adapter_tensors & adapter) {
    const double r     = static_cast<double>(adapter.lora_rank);
    const float  alpha = static_cast<float>(adapter.use_rslora ? adapter.lora_alpha * std::sqrt(r) : adapter.lora_alpha);
    // llama.cpp takes 0 for "no alpha: scale 1"; the smallest number there is does what 0 means.
    return alpha == 0.0f ? FLT_MIN : alpha;
}

std::vector<float> to_f32(const tensor_info & t, const std::string & path) {
    const int64_t      n = t.ne[0] * t.ne[1];
    std::vector<float> out(static_cast<size_t>(n));
    switch (t.type) {
        case GGML_TYPE_F32: std::memcpy(out.data(), t.data, out.size() * sizeof(float)); break;
        case GGML_TYPE_F16: ggml_fp16_to_fp32_row(reinterpret_cast<const ggml_fp16_t *>(t.data), out.data(), n); break;
        case GGML_TYPE_BF16: ggml_bf16_to_fp32_row(reinterpret_cast<const ggml_bf16_t *>(t.data), out.data(), n); break;
        default: throw invalid(path, "the tensor " + t.name + " has the type " + ggml_type_name(t.type));
    }
    if (!std::all_of(out.begin(), out.end(), [](float x) { return std::isfinite(x); })) {
        throw invalid(path, "the tensor " + t.name + " holds numbers that are not finite");
    }
    return out;
}

bool ends_with(const std::string & text, const std::string & ending) {
    return text.size() > ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

std::string stem_of(const std::string & name) { return name.substr(0, name.size() - std::strlen(suffix_a)); }

/// The setting's name of a base tensor: "blk.3.ffn_up.weight" -> "up"; fused layers count as all that they hold.
std::vector<std::string> module_of(const std::string & base_name) {
    static const std::map<std::string, std::vector<std::string>> names = {
        {"attn_q", {"q"}},           {"attn_k", {"k"}},        {"attn_v", {"v"}},      {"attn_output", {"o"}},
        {"ffn_gate", {"gate"}},      {"ffn_up", {"up"}},       {"ffn_down", {"down"}}, {"attn_qkv", {"q", "k", "v"}},
    };
    const size_t first = base_name.find('.', 4);
    const size_t last  = base_name.rfind('.');
    if (base_name.rfind("blk.", 0) != 0 || first == std::string::npos || last <= first) {
        return {};
    }
    const auto found = names.find(base_name.substr(first + 1, last - first - 1));
    return found == names.end() ? std::vector<std::string>{} : found->second;
}

/// "q,k,v" as one text: an array of texts is no scalar, and llama.cpp's adapter metadata shows only scalars.
std::string join(const std::vector<std::string> & items) {
    std::string out;
    for (const std::string & item : items) {
        out += (out.empty() ? "" : ",") + item;
    }
    return out;
}

std::vector<std::string> split(const std::string & text) {
    std::vector<std::string> out;
    for (size_t at = 0; at < text.size();) {
        const size_t comma = std::min(text.find(',', at), text.size());
        if (comma > at) {
            out.push_back(text.substr(at, comma - at));
        }
        at = comma + 1;
    }
    return out;
}

/// Settings from forja.* keys, or derived from what a foreign adapter holds.
void read_settings(const gguf_file & file, adapter_tensors & adapter) {
    const double llama_alpha = file.f64("adapter.lora.alpha").value_or(0.0);
    adapter.lora_rank        = file.i64("forja.lora_rank").value_or(adapter.pairs.front().rank);
    adapter.use_rslora       = file.boolean("forja.use_rslora").value_or(false);
    // Without an alpha llama.cpp takes the scale 1.
    adapter.lora_alpha   = file.f64("forja.lora_alpha").value_or(llama_alpha != 0.0 ? llama_alpha : static_cast<double>(adapter.lora_rank));
    adapter.lora_dropout = file.f64("forja.lora_dropout").value_or(0.0);
    if (const auto modules = file.str("forja.target_modules")) {
        adapter.target_modules = split(*modules);
        return;
    }
    for (const char * name : {"q", "k", "v", "o", "gate", "up", "down"}) {
        const bool used = std::any_of(adapter.pairs.begin(), adapter.pairs.end(), [&](const auto & p) {
            const auto modules = module_of(p.base_name);
            return std::find(modules.begin(), modules.end(), name) != modules.end();
        });
        if (used) {
            adapter.target_modules.emplace_back(name);
        }
    }
}

} // namespace

void write_adapter_gguf(const adapter_tensors & adapter, const std::string & path) {
    gguf_writer    out(path);
    gguf_context * meta = out.meta();
    gguf_set_val_str(meta, "general.type", "adapter");
    gguf_set_val_str(meta, "general.architecture", adapter.architecture.c_str());
    if (!adapter.base_model_name.empty()) {
        gguf_set_val_u32(meta, "general.base_model.count", 1);
        gguf_set_val_str(meta, "general.base_model.0.name", adapter.base_model_name.c_str());
    }
    gguf_set_val_str(meta, "adapter.type", "lora");
    gguf_set_val_f32(meta, "adapter.lora.alpha", alpha_for_llama_cpp(adapter));
    gguf_set_val_u32(meta, "forja.lora_rank", static_cast<uint32_t>(adapter.lora_rank));
    gguf_set_val_f64(meta, "forja.lora_alpha", adapter.lora_alpha);
    gguf_set_val_f64(meta, "forja.lora_dropout", adapter.lora_dropout);
    gguf_set_val_bool(meta, "forja.use_rslora", adapter.use_rslora);
    gguf_set_val_str(meta, "forja.target_modules", join(adapter.target_modules).c_str());
    for (const auto & p : adapter.pairs) {
        if (p.a.size() != static_cast<size_t>(p.n_in * p.rank) || p.b.size() != static_cast<size_t>(p.rank * p.n_out)) {
            throw failure("internal", "The adapter's pair for " + p.base_name + " doesn't have the size it says.");
        }
        out.add_tensor(p.base_name + suffix_a, GGML_TYPE_F32, {p.n_in, p.rank, 1, 1});
        out.add_tensor(p.base_name + suffix_b, GGML_TYPE_F32, {p.rank, p.n_out, 1, 1});
    }
    out.begin();
    for (const auto & p : adapter.pairs) {
        out.write(p.a.data(), p.a.size() * sizeof(float));
        out.write(p.b.data(), p.b.size() * sizeof(float));
    }
    out.commit();
}

adapter_tensors read_adapter_gguf(const std::string & path) {
    const auto file = gguf_file::open(path);
    if (file->str("general.type").value_or("") != "adapter" || file->str("adapter.type").value_or("") != "lora") {
        throw invalid(path, "it is a GGUF of another kind");
    }
    adapter_tensors adapter;
    adapter.architecture    = file->str("general.architecture").value_or("");
    adapter.base_model_name = file->str("general.base_model.0.name").value_or("");
    for (const tensor_info & t : file->tensors()) {
        if (ends_with(t.name, suffix_b)) {
            if (file->find(stem_of(t.name) + suffix_a) == nullptr) {
                throw invalid(path, "the pair of " + t.name + " is missing");
            }
            continue;
        }
        if (!ends_with(t.name, suffix_a)) {
            throw invalid(path, "it adapts something else than matrices (" + t.name + ")");
        }
        const std::string   name = stem_of(t.name);
        const tensor_info * b    = file->find(name + suffix_b);
        if (b == nullptr) {
            throw invalid(path, "the pair of " + t.name + " is missing");
        }
        if (t.ne[2] != 1 || t.ne[3] != 1 || b->ne[2] != 1 || b->ne[3] != 1 || t.ne[1] != b->ne[0]) {
            throw invalid(path, "the pair of " + name + " has shapes that don't fit each other");
        }
        adapter.pairs.push_back({name, t.ne[0], b->ne[1], t.ne[1], to_f32(t, path), to_f32(*b, path)});
    }
    if (adapter.pairs.empty()) {
        throw invalid(path, "it holds no tensors");
    }
    read_settings(*file, adapter);
    return adapter;
}

void require_adapter_fits(const adapter_tensors & adapter, const gguf_file & base) {
    const auto mismatch = [&](const std::string & what) {
        return error("adapter_mismatch", "This adapter belongs to another model: " + what + ".", "Choose the model that it was trained on.",
                     {{"model", base.path()}, {"reason", what}});
    };
    const std::string architecture = base.str("general.architecture").value_or("");
    if (adapter.architecture != architecture) {
        throw mismatch("its architecture is " + adapter.architecture + ", the model's " + architecture);
    }
    for (const auto & p : adapter.pairs) {
        const tensor_info * t = base.find(p.base_name);
        if (t == nullptr) {
            throw mismatch("the model has no " + p.base_name);
        }
        if (t->ne[0] != p.n_in || t->ne[1] != p.n_out || t->ne[2] != 1 || t->ne[3] != 1) {
            throw mismatch(p.base_name + " is " + std::to_string(t->ne[0]) + " x " + std::to_string(t->ne[1]) + " in the model and " +
                           std::to_string(p.n_in) + " x " + std::to_string(p.n_out) + " in the adapter");
        }
    }
}

} // namespace forja
