#include "export/quant-mix.hpp"

#include <cstdio>

namespace forja {

namespace {

enum class role { token_embd, output, q, k, v, qkv, attn_output, ffn_gate, ffn_up, ffn_down, other };

bool contains(const std::string & text, const char * part) { return text.find(part) != std::string::npos; }

role role_of(const std::string & name) {
    if (name == "output.weight") return role::output;
    if (name == "token_embd.weight") return role::token_embd;
    if (contains(name, "attn_qkv.weight")) return role::qkv;
    if (contains(name, "attn_v.weight")) return role::v;
    if (contains(name, "attn_k.weight")) return role::k;
    if (contains(name, "attn_q.weight")) return role::q;
    if (contains(name, "attn_output.weight")) return role::attn_output;
    if (contains(name, "ffn_up")) return role::ffn_up;
    if (contains(name, "ffn_gate")) return role::ffn_gate;
    if (contains(name, "ffn_down")) return role::ffn_down;
    return role::other;
}

bool is_matrix_to_convert(const tensor_info & t) {
    const std::string ending = ".weight";
    return t.n_dims >= 2 && t.name.size() > ending.size() && t.name.compare(t.name.size() - ending.size(), ending.size(), ending) == 0 &&
           !contains(t.name, "_norm.weight") && !contains(t.name, "ffn_gate_inp.weight");
}

/// What the choice depends on besides the tensor.
struct model_shape {
    int  n_layer = 0;
    int  n_gqa   = 1; // query heads per key-value head
    bool tied    = true;
    bool is_70b  = false;
};

/// A number that may be one for all layers or a list with one per layer: the first layer's.
int64_t first_of(const gguf_file & base, const std::string & key, int64_t fallback) {
    if (base.is_array(key)) {
        const auto list = base.i64_array(key);
        return list->empty() ? fallback : list->front();
    }
    return base.i64(key).value_or(fallback);
}

model_shape shape_of(const gguf_file & base) {
    const std::string arch   = base.str("general.architecture").value_or("");
    const int64_t     n_head = first_of(base, arch + ".attention.head_count", 1);
    const int64_t     n_kv   = first_of(base, arch + ".attention.head_count_kv", n_head);
    model_shape       s;
    s.n_layer = static_cast<int>(base.i64(arch + ".block_count").value_or(0));
    s.n_gqa   = n_kv > 0 ? static_cast<int>(n_head / n_kv) : 1;
    s.tied    = base.find("output.weight") == nullptr;
    s.is_70b  = s.n_layer == 80 && (arch == "qwen2" || (arch == "llama" && n_head != n_kv));
    return s;
}

/// The first and last eighth of the layers and every third between.
bool use_more_bits(int layer, int n_layer) {
    return layer < n_layer / 8 || layer >= 7 * n_layer / 8 || (layer - n_layer / 8) % 3 == 2;
}

ggml_type type_of_attention_values(ggml_type type, llama_ftype ftype, int layer, const model_shape & s) {
    switch (ftype) {
        case LLAMA_FTYPE_MOSTLY_Q2_K: type = s.n_gqa >= 4 ? GGML_TYPE_Q4_K : GGML_TYPE_Q3_K; break;
        case LLAMA_FTYPE_MOSTLY_Q3_K_M: type = layer < 2 ? GGML_TYPE_Q5_K : GGML_TYPE_Q4_K; break;
        case LLAMA_FTYPE_MOSTLY_IQ4_NL:
        case LLAMA_FTYPE_MOSTLY_IQ4_XS: type = s.n_gqa >= 4 ? GGML_TYPE_Q5_K : type; break;
        case LLAMA_FTYPE_MOSTLY_Q4_K_M:
        case LLAMA_FTYPE_MOSTLY_Q5_K_M: type = use_more_bits(layer, s.n_layer) ? GGML_TYPE_Q6_K : type; break;
        case LLAMA_FTYPE_MOSTLY_Q4_K_S: type = layer < 4 ? GGML_TYPE_Q5_K : type; break;
        default: break;
    }
    // There the values' matrix is small beside the others, and more bits cost little.
    return s.is_70b && (type == GGML_TYPE_Q3_K || type == GGML_TYPE_Q4_K) ? GGML_TYPE_Q5_K : type;
}

ggml_type type_of_ffn_down(ggml_type type, llama_ftype ftype, int layer, const model_shape & s) {
    switch (ftype) {
        case LLAMA_FTYPE_MOSTLY_Q2_K: return GGML_TYPE_Q3_K;
        case LLAMA_FTYPE_MOSTLY_Q3_K_M: return layer < s.n_layer / 16 ? GGML_TYPE_Q5_K : GGML_TYPE_Q4_K;
        case LLAMA_FTYPE_MOSTLY_Q4_K_M:
        case LLAMA_FTYPE_MOSTLY_Q5_K_M: return use_more_bits(layer, s.n_layer) ? GGML_TYPE_Q6_K : type;
        case LLAMA_FTYPE_MOSTLY_IQ4_NL:
        case LLAMA_FTYPE_MOSTLY_IQ4_XS:
        case LLAMA_FTYPE_MOSTLY_Q4_K_S: return layer < s.n_layer / 8 ? GGML_TYPE_Q5_K : type;
        default: return type;
    }
}

/// Rows that are no multiple of the type's block get a type of smaller blocks.
ggml_type fit_to_rows(ggml_type type, int64_t n_per_row) {
    if (n_per_row % ggml_blck_size(type) == 0) {
        return type;
    }
    switch (type) {
        case GGML_TYPE_IQ4_XS: type = GGML_TYPE_IQ4_NL; break;
        case GGML_TYPE_Q2_K:
        case GGML_TYPE_Q3_K: type = GGML_TYPE_Q4_0; break;
        case GGML_TYPE_Q4_K: type = GGML_TYPE_Q5_0; break;
        case GGML_TYPE_Q5_K: type = GGML_TYPE_Q5_1; break;
        case GGML_TYPE_Q6_K: type = GGML_TYPE_Q8_0; break;
        default: break;
    }
    return n_per_row % ggml_blck_size(type) == 0 ? type : GGML_TYPE_F16;
}

ggml_type type_of(const tensor_info & t, const output_type_info & output, const model_shape & s) {
    if (!is_matrix_to_convert(t)) {
        return t.type;
    }
    ggml_type type = output.default_type;
    if (!ggml_is_quantized(type)) {
        return type;
    }
    const role what  = role_of(t.name);
    int        layer = 0;
    std::sscanf(t.name.c_str(), "blk.%d.", &layer);
    if (what == role::output || (what == role::token_embd && s.tied)) {
        if (t.ne[0] % ggml_blck_size(type) != 0) {
            type = GGML_TYPE_Q8_0;
        } else if (type != GGML_TYPE_Q8_0) {
            type = GGML_TYPE_Q6_K;
        }
    } else if (what == role::v || what == role::qkv) {
        type = type_of_attention_values(type, output.ftype, layer, s);
    } else if (what == role::ffn_down) {
        type = type_of_ffn_down(type, output.ftype, layer, s);
    } else if (what == role::attn_output) {
        if (output.ftype == LLAMA_FTYPE_MOSTLY_Q2_K) type = GGML_TYPE_Q3_K;
        if (output.ftype == LLAMA_FTYPE_MOSTLY_Q3_K_M) type = GGML_TYPE_Q4_K;
    }
    return fit_to_rows(type, t.ne[0]);
}

} // namespace

const std::vector<output_type_info> & output_types() {
    static const std::vector<output_type_info> all = {
        {"f32", LLAMA_FTYPE_ALL_F32, GGML_TYPE_F32},
        {"f16", LLAMA_FTYPE_MOSTLY_F16, GGML_TYPE_F16},
        {"bf16", LLAMA_FTYPE_MOSTLY_BF16, GGML_TYPE_BF16},
        {"q8_0", LLAMA_FTYPE_MOSTLY_Q8_0, GGML_TYPE_Q8_0},
        {"q6_k", LLAMA_FTYPE_MOSTLY_Q6_K, GGML_TYPE_Q6_K},
        {"q5_k_m", LLAMA_FTYPE_MOSTLY_Q5_K_M, GGML_TYPE_Q5_K},
        {"q5_k_s", LLAMA_FTYPE_MOSTLY_Q5_K_S, GGML_TYPE_Q5_K},
        {"q5_0", LLAMA_FTYPE_MOSTLY_Q5_0, GGML_TYPE_Q5_0},
        {"q5_1", LLAMA_FTYPE_MOSTLY_Q5_1, GGML_TYPE_Q5_1},
        {"q4_k_m", LLAMA_FTYPE_MOSTLY_Q4_K_M, GGML_TYPE_Q4_K},
        {"q4_k_s", LLAMA_FTYPE_MOSTLY_Q4_K_S, GGML_TYPE_Q4_K},
        {"q4_0", LLAMA_FTYPE_MOSTLY_Q4_0, GGML_TYPE_Q4_0},
        {"q4_1", LLAMA_FTYPE_MOSTLY_Q4_1, GGML_TYPE_Q4_1},
        {"q3_k_m", LLAMA_FTYPE_MOSTLY_Q3_K_M, GGML_TYPE_Q3_K},
        {"q2_k", LLAMA_FTYPE_MOSTLY_Q2_K, GGML_TYPE_Q2_K},
        {"iq4_nl", LLAMA_FTYPE_MOSTLY_IQ4_NL, GGML_TYPE_IQ4_NL},
        {"iq4_xs", LLAMA_FTYPE_MOSTLY_IQ4_XS, GGML_TYPE_IQ4_XS},
    };
    return all;
}

const output_type_info * find_output_type(const std::string & name) {
    for (const output_type_info & info : output_types()) {
        if (name == info.name) {
            return &info;
        }
    }
    return nullptr;
}

std::vector<ggml_type> plan_types(const gguf_file & base, const output_type_info & output) {
    const model_shape      s = shape_of(base);
    std::vector<ggml_type> types;
    types.reserve(base.tensors().size());
    for (const tensor_info & t : base.tensors()) {
        types.push_back(type_of(t, output, s));
    }
    return types;
}

ggml_type type_without_importance(ggml_type type) {
    // llama.cpp refuses these without an importance matrix: ggml can't (IQ1_S, IQ2_XXS, IQ2_XS) or the result is unusable.
    switch (type) {
        case GGML_TYPE_IQ1_S:
        case GGML_TYPE_IQ1_M:
        case GGML_TYPE_IQ2_XXS:
        case GGML_TYPE_IQ2_XS:
        case GGML_TYPE_IQ2_S: return GGML_TYPE_Q2_K;
        case GGML_TYPE_IQ3_XXS: return GGML_TYPE_IQ3_S;
        default: return type;
    }
}

} // namespace forja
