// A model as a list of coarse operations: what llama.cpp computes, cut into blocks. Plain data, the same for every length of a batch.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ops/settings.hpp"

namespace forja::trace {

/// The size of one dimension: n, or n for each token of the batch.
struct extent {
    int64_t n         = 1;
    bool    per_token = false;

    int64_t at(int64_t n_tokens) const { return per_token ? n * n_tokens : n; }
    bool    operator==(const extent &) const = default;
};

/// A value's shape in ggml's order; the last dimension that isn't 1 is the tokens'.
using shape = std::array<extent, 3>;

enum class step_kind {
    linear,      // y = W x + b; weight, bias or none
    rms_norm,    // y = x / rms(x) * w; weight or none; eps
    layer_norm,  // y = (x - mean) / sd * w + b; weight, bias or none; eps
    rope,        // rotary embedding; rotation, weight: factors or none
    attention,   // of q, k, v; how; weight: sinks or none
    gated,       // act(in[0]) * in[1]; act
    unary,       // f(x), value by value; function
    add,         // in[0] + in[1], the second as large or repeated over tokens
    multiply,    // in[0] * in[1], likewise, or one value for each row
    add_weight,  // x + w, w repeated over tokens; weight
    mul_weight,  // x * w, likewise; weight
    scale,       // y = x * factor + bias_value
    clamp,       // least to most
    split,       // out[i] = sizes[i] values of each token, one part after the other, [n, T] -> [sizes[i], T]
    slice,       // a part of each token's values with a stride of its own; strides and offset in floats
    reshape,     // the same values in another shape
    embedding,   // rows of a matrix, by token or by position; weight
    softmax,     // of factor * x, over each token's values
    top_k,       // numbers of the shape[0] largest of each token's values; has no gradient
    pick,        // of in[0] the values with the numbers in[1]
    sum_rows,    // the sum of each row
    divide,      // in[0] / in[1], the second as large or one value for each row
    experts,     // by the numbers in[1]: W[e] in[0] + b[e]; weight, bias or none
    short_conv,  // of each channel over its row's last tokens; weight, has_silu
    l2_norm,     // y = x / |x|; eps
    delta_net,   // of q, k, v, gate, beta; is_grouped
    experts_sum, // the same, then summed over a token's experts with the weights in[2]
};

/// One step. Values are numbered through a part: its inputs first, then each step's outputs.
struct step {
    step_kind        kind = step_kind::reshape;
    std::vector<int> in, out;
    trace::shape     shape{}; // of out[0]

    std::string weight, bias; // tensors of the file, empty for none
    bool        router = false; // of a linear step: a top_k follows from it; stays frozen
    std::string role;         // of a linear step: what people call it, "q" … "down", "q,k,v"; see site_role()

    float               eps = 0;
    float               factor = 1, bias_value = 0;
    float               least = 0, most = 0;
    activation          act = activation::silu;
    unary_function      function = unary_function::silu;
    std::array<float, 4> constants{}; // of a unary function or a gated unit
    rope_settings       rotation;
    attention_settings  how;
    std::vector<int64_t> sizes;
    int64_t             stride1 = 0, stride2 = 0, offset = 0;
    bool                by_position = false; // of an embedding
    bool                has_silu = false;    // of a short convolution
    bool                is_grouped = false;  // of a delta net: see ops.hpp
};

/// Steps from one value to one value, both [n_embd, T].
struct part {
    std::vector<step> steps;
    int               n_values = 1; // value 0 is the input
    int               output   = 0;

    /// What makes parts alike: everything but the block's number. With `types`, of their weights too.
    std::string signature() const;
};

struct program {
    part              prologue; // from the tokens' embeddings to the first block's input
    std::vector<part> blocks;
    part              epilogue; // from the last block's output to the output matrix's input
    std::string       embedding; // the tensor of token embeddings
    float             embedding_scale = 1; // on its rows, before the prologue
    std::string       head, head_bias;   // the output matrix
    float             final_softcap = 0; // cap * tanh(logits / cap); 0 for none
    int64_t           n_embd = 0, n_vocab = 0, n_head = 0; // n_head: the most of any block
};

} // namespace forja::trace
