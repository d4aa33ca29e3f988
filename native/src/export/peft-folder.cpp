#include "export/peft-folder.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/mapped-file.hpp"
#include "export/safetensors.hpp"
#include "peft/method-kind.hpp"

namespace forja {

namespace {

using json = nlohmann::json;

constexpr const char * weights_name = "adapter_model.safetensors";
constexpr const char * config_name  = "adapter_config.json";

struct module_name {
    const char * gguf; // in "blk.N.<gguf>.weight"
    const char * peft; // in "model.layers.N.<peft>"
};

/// phi3 has one matrix for q, k and v, and one for gate and up under the name ffn_up.
/// @throws error peft_unsupported for an architecture whose folders were never compared with PEFT's own: its modules may have other
///         names there, and converters may have changed the order of rows
std::vector<module_name> module_names(const std::string & architecture) {
    static const std::set<std::string> compared{"llama", "qwen2", "qwen3", "gemma3", "phi3"};
    if (!compared.count(architecture)) {
        throw error("peft_unsupported", "There is no PEFT folder for the architecture '" + architecture + "' yet.",
                    "Export the adapter as GGUF, or the merged model.", {{"architecture", architecture}});
    }
    if (architecture == "phi3") {
        return {{"attn_qkv", "self_attn.qkv_proj"}, {"attn_output", "self_attn.o_proj"}, {"ffn_up", "mlp.gate_up_proj"}, {"ffn_down", "mlp.down_proj"}};
    }
    return {{"attn_q", "self_attn.q_proj"},  {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"}, {"attn_output", "self_attn.o_proj"},
            {"ffn_gate", "mlp.gate_proj"},   {"ffn_up", "mlp.up_proj"},           {"ffn_down", "mlp.down_proj"}};
}

std::string last_part(const std::string & name) { return name.substr(name.rfind('.') + 1); }

struct place {
    int64_t     layer;
    module_name module;
};

/// Where a base tensor is in the Hugging Face model. @throws error peft_invalid for a tensor that it has no name for.
place place_of(const std::string & base_name, const std::string & architecture) {
    for (const module_name & m : module_names(architecture)) {
        const std::string ending = std::string(".") + m.gguf + ".weight";
        if (base_name.rfind("blk.", 0) == 0 && base_name.size() > 4 + ending.size() &&
            base_name.compare(base_name.size() - ending.size(), ending.size(), ending) == 0) {
            return {std::atoll(base_name.c_str() + 4), m};
        }
    }
    throw error("peft_invalid", "PEFT has no name for the adapter of " + base_name + ".", "Export the adapter as GGUF instead.", {{"tensor", base_name}});
}

std::string peft_prefix(const place & p) { return "base_model.model.model.layers." + std::to_string(p.layer) + "." + p.module.peft; }

/// A value that may be one for all layers or a list with one per layer.
int64_t per_layer(const gguf_file & base, const std::string & key, int64_t layer, int64_t fallback) {
    if (!base.is_array(key)) {
        return base.i64(key).value_or(fallback);
    }
    const auto list = base.i64_array(key);
    return layer < static_cast<int64_t>(list->size()) ? (*list)[static_cast<size_t>(layer)] : fallback;
}

/// Heads whose rows are in another order in the GGUF; 0 where none are.
int64_t permuted_heads(const place & p, const gguf_file & base, const std::string & architecture) {
    if (architecture != "llama") {
        return 0;
    }
    const int64_t n_head = per_layer(base, "llama.attention.head_count", p.layer, 0);
    if (std::string(p.module.gguf) == "attn_q") {
        return n_head;
    }
    return std::string(p.module.gguf) == "attn_k" ? per_layer(base, "llama.attention.head_count_kv", p.layer, n_head) : 0;
}

/// Reorders the n_out rows of a part, as wide as they are. Within a head of d rows, row 2i + s of the GGUF is row s * d/2 + i of Hugging Face's model.
/// Source: LlamaModel.permute in llama.cpp's converter, whose inverse to_peft is.
std::vector<float> reorder_rows(const std::vector<float> & rows, int64_t n_out, int64_t n_heads, bool to_peft) {
    if (n_heads == 0) {
        return rows;
    }
    std::vector<float> out(rows.size());
    const int64_t      d = n_out / n_heads, width = static_cast<int64_t>(rows.size()) / n_out;
    for (int64_t h = 0; h < n_heads; ++h) {
        for (int64_t i = 0; i < d / 2; ++i) {
            for (int64_t s = 0; s < 2; ++s) {
                const int64_t gguf = h * d + 2 * i + s;
                const int64_t hf   = h * d + s * (d / 2) + i;
                const int64_t from = to_peft ? gguf : hf;
                const int64_t to   = to_peft ? hf : gguf;
                std::copy_n(rows.begin() + from * width, width, out.begin() + to * width);
            }
        }
    }
    return out;
}

void require_whole_heads(const std::string & site, int64_t n_out, int64_t n_heads) {
    if (n_heads != 0 && (n_out % n_heads != 0 || (n_out / n_heads) % 2 != 0)) {
        throw error("adapter_mismatch", "The rows of " + site + " don't divide into the model's " + std::to_string(n_heads) + " heads.", {},
                    {{"reason", site}});
    }
}

/// Whether a part has a row for each of the matrix's outputs, in their order.
bool follows_outputs(const part_kind & part) { return part.ne0 == extent::out || part.ne1 == extent::out; }

/// PyTorch's shape of a part: the slowest dimension first, and vectors with one dimension.
std::vector<int64_t> peft_shape(const part_kind & part, int64_t ne0, int64_t ne1) {
    return part.ne1 == extent::one ? std::vector<int64_t>{ne0} : std::vector<int64_t>{ne1, ne0};
}

nlohmann::ordered_json number(double value) {
    return value == std::floor(value) && std::fabs(value) < 1e15 ? nlohmann::ordered_json(static_cast<int64_t>(value)) : nlohmann::ordered_json(value);
}

std::string config_text(const saved_tuning & saved, const gguf_file & base) {
    const method_settings & settings = saved.settings;
    std::set<std::string>   modules;
    for (const std::string & site : saved.sites()) {
        modules.insert(last_part(place_of(site, saved.architecture).module.peft));
    }
    nlohmann::ordered_json c;
    c["peft_type"]               = "LORA";
    c["task_type"]               = "CAUSAL_LM";
    const auto repository        = hub_repository(base);
    c["base_model_name_or_path"] = repository ? nlohmann::ordered_json(*repository) : nlohmann::ordered_json(nullptr);
    c["r"]                       = settings.lora_rank;
    c["lora_alpha"]              = number(settings.lora_alpha);
    c["lora_dropout"]            = number(settings.lora_dropout);
    c["use_rslora"]              = settings.use_rslora;
    c["target_modules"]          = modules;
    c["bias"]                    = "none";
    c["fan_in_fan_out"]          = false;
    c["inference_mode"]          = true;
    c["init_lora_weights"]       = true;
    c["modules_to_save"]         = nullptr;
    c["layers_to_transform"]     = nullptr;
    c["layers_pattern"]          = nullptr;
    c["rank_pattern"]            = nlohmann::ordered_json::object();
    c["alpha_pattern"]           = nlohmann::ordered_json::object();
    for (const auto & [flag, value] : method_kind_of(settings.method).peft_flags()) {
        c[flag] = value;
    }
    c["revision"]                = nullptr;
    // Replaced, not thrown: a model's name may hold bytes that are no UTF-8.
    return c.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void require_replaceable(const std::string & folder) {
    static const std::set<std::string> ours = {weights_name, config_name, "README.md"};
    std::error_code                    ec;
    for (const auto & entry : std::filesystem::directory_iterator(utf8_path(folder), ec)) {
        const std::string name = path_utf8(entry.path().filename());
        if (ours.count(name) == 0) {
            throw error("output_not_an_adapter_folder", folder + " holds other files (" + name + ") and will not be replaced.",
                        "Choose a new folder, or an adapter folder that may be overwritten.", {{"path", folder}, {"file", name}});
        }
    }
}

error peft_invalid(const std::string & folder, const std::string & what) {
    return error("peft_invalid", folder + " is not a usable PEFT LoRA folder: " + what + ".", "Export it again.", {{"path", folder}, {"reason", what}});
}

/// The method whose flags the configuration has. @throws nlohmann's for flags that are not booleans
const method_kind * kind_of_config(const json & c) {
    for (const method_kind * kind : method_kinds()) {
        const auto flags = kind->peft_flags();
        if (std::all_of(flags.begin(), flags.end(), [&](const auto & flag) { return c.value(flag.first, false) == flag.second; })) {
            return kind;
        }
    }
    return nullptr;
}

saved_tuning read_config(const std::string & folder) {
    const std::string path = path_utf8(utf8_path(folder) / config_name);
    const mapped_file file(path, "adapter configuration");
    saved_tuning      saved;
    try {
        const json          c    = json::parse(file.data(), file.data() + file.size_bytes());
        const method_kind * kind = kind_of_config(c);
        if (c.at("peft_type") != "LORA" || kind == nullptr) {
            throw peft_invalid(folder, "it is of a method that Forja doesn't have");
        }
        saved.settings.method       = kind->name();
        saved.settings.lora_rank    = c.at("r").get<int64_t>();
        saved.settings.lora_alpha   = c.at("lora_alpha").get<double>();
        saved.settings.lora_dropout = c.value("lora_dropout", 0.0);
        saved.settings.use_rslora   = c.value("use_rslora", false);
        saved.settings.target_modules.clear();
    } catch (const json::exception & e) {
        throw peft_invalid(folder, std::string(config_name) + ": " + e.what());
    }
    return saved;
}

} // namespace

std::optional<std::string> hub_repository(const gguf_file & base) {
    static const std::regex id(R"((?:https?://huggingface\.co/)?([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:/.*)?)");
    for (const char * key : {"general.source.huggingface.repository", "general.source.repo_url", "general.source.url", "general.repo_url"}) {
        const std::string text    = base.str(key).value_or("");
        const bool        is_name = std::string(key) == "general.source.huggingface.repository";
        std::smatch       found;
        // A URL of another host is none, and a name is not a URL.
        if ((is_name || text.rfind("http", 0) == 0) && std::regex_match(text, found, id)) {
            return found[1].str();
        }
    }
    return std::nullopt;
}

void write_peft_folder(const saved_tuning & saved, const gguf_file & base, const std::string & folder) {
    require_exportable(saved, "peft");
    require_tuning_fits(saved, base);
    require_replaceable(folder);
    std::vector<safetensor> tensors;
    for (const std::string & site : saved.sites()) {
        const place   where   = place_of(site, saved.architecture);
        const int64_t n_heads = permuted_heads(where, base, saved.architecture), n_out = base.find(site)->ne[1];
        require_whole_heads(site, n_out, n_heads);
        for (const part_kind & part : method_kind_of(saved.settings.method).parts()) {
            const saved_tuning::tensor & t = *saved.find(site, part.name);
            tensors.push_back({peft_prefix(where) + "." + part.peft_name, peft_shape(part, t.ne0, t.ne1),
                               follows_outputs(part) ? reorder_rows(t.values, n_out, n_heads, true) : t.values});
        }
    }
    const std::string config = config_text(saved, base);
    write_folder_atomically(folder, [&](const std::string & temporary) {
        write_safetensors(path_utf8(utf8_path(temporary) / weights_name), tensors);
        atomic_file file(path_utf8(utf8_path(temporary) / config_name));
        file.write(config.data(), config.size());
        file.commit();
    });
}

saved_tuning read_peft_folder(const std::string & folder, const gguf_file & base) {
    saved_tuning saved       = read_config(folder);
    saved.base_model_name    = base.str("general.name").value_or("");
    saved.architecture       = base.str("general.architecture").value_or("");
    const method_kind & kind = method_kind_of(saved.settings.method);
    std::map<std::string, safetensor> found;
    for (safetensor & t : read_safetensors(path_utf8(utf8_path(folder) / weights_name))) {
        std::string name = t.name;
        found.emplace(std::move(name), std::move(t));
    }
    const int64_t n_layer = base.i64(saved.architecture + ".block_count").value_or(0);
    size_t        used    = 0;
    for (int64_t layer = 0; layer < n_layer; ++layer) {
        for (const module_name & m : module_names(saved.architecture)) {
            const place       where{layer, m};
            const std::string site = "blk." + std::to_string(layer) + "." + m.gguf + ".weight";
            const auto        of   = [&](const part_kind & part) { return found.find(peft_prefix(where) + "." + part.peft_name); };
            if (std::all_of(kind.parts().begin(), kind.parts().end(), [&](const part_kind & part) { return of(part) == found.end(); })) {
                continue;
            }
            for (const part_kind & part : kind.parts()) {
                const auto t = of(part);
                if (t == found.end() || t->second.shape.size() != (part.ne1 == extent::one ? 1 : 2)) {
                    throw peft_invalid(folder, "the tensors of " + peft_prefix(where) + " are incomplete or misshapen");
                }
                saved.tensors.push_back({site, part.name, t->second.shape.back(), part.ne1 == extent::one ? 1 : t->second.shape.front(), std::move(t->second.values)});
                ++used;
            }
        }
    }
    if (used != found.size() || used == 0) {
        throw peft_invalid(folder, used == 0 ? "it holds no tensors for this model" : "it holds tensors that this model has no place for");
    }
    require_tuning_fits(saved, base);
    for (saved_tuning::tensor & t : saved.tensors) {
        const int64_t n_heads = permuted_heads(place_of(t.site, saved.architecture), base, saved.architecture), n_out = base.find(t.site)->ne[1];
        require_whole_heads(t.site, n_out, n_heads);
        const auto part = std::find_if(kind.parts().begin(), kind.parts().end(), [&](const part_kind & one) { return t.part == one.name; });
        if (follows_outputs(*part)) {
            t.values = reorder_rows(t.values, n_out, n_heads, false);
        }
    }
    return saved;
}

} // namespace forja
