// What operations are told besides their values.
#pragma once

#include <array>

namespace forja {

/// What a gated unit does to its gate. The first two have kernels of their own. silu_oai is gpt-oss's: with gate and up clamped to a
/// limit, gate * sigmoid(alpha * gate) * (up + 1).
enum class activation { silu, gelu_tanh, relu, gelu_erf, gelu_quick, silu_oai };

/// Functions of one value. Not those that have a kernel of their own (activation).
enum class unary_function { silu, gelu_tanh, gelu_erf, gelu_quick, relu, sigmoid, tanh, sqr, softplus, xielu };

/// Rotary embedding as ggml_rope_ext takes it.
struct rope_settings {
    int   n_rot       = 0; // dimensions of a head that rotate
    int   mode        = 0; // GGML_ROPE_TYPE_NORMAL or _NEOX
    int   n_ctx_orig  = 0;
    float freq_base   = 10000.0f;
    float freq_scale  = 1.0f;
    float ext_factor  = 0.0f;
    float attn_factor = 1.0f;
    float beta_fast   = 32.0f;
    float beta_slow   = 1.0f;

    // M-RoPE: how many pairs of dimensions turn by the position in time, height, width and the last one. Text has the first three
    // alike and the last zero. All zero for the plain kind.
    std::array<int, 4> sections{};
};

struct attention_settings {
    float scale   = 1.0f;
    float softcap = 0.0f; // 0 for none
    int   n_swa   = 0;    // the sliding window in tokens, 0 for none
};

} // namespace forja
