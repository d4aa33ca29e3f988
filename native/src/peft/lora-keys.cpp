// LoRA's keys in GGUF files, and what stands for them in adapters that others made.
//
// llama.cpp scales by adapter.lora.alpha / r, so with use_rslora alpha * sqrt(r) is written there; the settings as the person gave
// them are in forja.lora_rank, forja.lora_alpha, forja.lora_dropout, forja.use_rslora and forja.target_modules.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <map>

#include "peft/lora.hpp"

namespace forja {

namespace {

/// What llama.cpp must find as adapter.lora.alpha to compute the right scale (it always divides by r).
float alpha_for_llama_cpp(const method_settings & s) {
    const double r     = static_cast<double>(s.lora_rank);
    const float  alpha = static_cast<float>(s.use_rslora ? s.lora_alpha * std::sqrt(r) : s.lora_alpha);
    // llama.cpp takes 0 for "no alpha: scale 1"; the smallest number there is does what 0 means.
    return alpha == 0.0f ? FLT_MIN : alpha;
}

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

} // namespace

void lora_method_kind::write_keys(gguf_context * meta, const saved_tuning & saved) const {
    const method_settings & s = saved.settings;
    gguf_set_val_f32(meta, "adapter.lora.alpha", alpha_for_llama_cpp(s));
    gguf_set_val_u32(meta, "forja.lora_rank", static_cast<uint32_t>(s.lora_rank));
    gguf_set_val_f64(meta, "forja.lora_alpha", s.lora_alpha);
    gguf_set_val_f64(meta, "forja.lora_dropout", s.lora_dropout);
    gguf_set_val_bool(meta, "forja.use_rslora", s.use_rslora);
    gguf_set_val_str(meta, "forja.target_modules", join(s.target_modules).c_str());
}

void lora_method_kind::read_keys(const gguf_file & file, saved_tuning & saved) const {
    method_settings & s           = saved.settings;
    const double      llama_alpha = file.f64("adapter.lora.alpha").value_or(0.0);
    s.lora_rank                   = file.i64("forja.lora_rank").value_or(saved.tensors.front().ne1); // of its first A
    s.use_rslora                  = file.boolean("forja.use_rslora").value_or(false);
    // Without an alpha llama.cpp takes the scale 1.
    s.lora_alpha   = file.f64("forja.lora_alpha").value_or(llama_alpha != 0.0 ? llama_alpha : static_cast<double>(s.lora_rank));
    s.lora_dropout = file.f64("forja.lora_dropout").value_or(0.0);
    s.target_modules.clear();
    if (const auto modules = file.str("forja.target_modules")) {
        s.target_modules = split(*modules);
        return;
    }
    const std::vector<std::string> sites = saved.sites();
    for (const char * name : {"q", "k", "v", "o", "gate", "up", "down"}) {
        const bool used = std::any_of(sites.begin(), sites.end(), [&](const std::string & site) {
            const auto modules = module_of(site);
            return std::find(modules.begin(), modules.end(), name) != modules.end();
        });
        if (used) {
            s.target_modules.emplace_back(name);
        }
    }
}

} // namespace forja
