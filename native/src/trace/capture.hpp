// libllama's own forward graph of a model file, as libllama builds it: every operation, its shape, its parameters and its operands.
// Nothing is computed: a callback sees each node before it runs, then the run is called off.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ggml.h"
#include "gguf/gguf-file.hpp"

namespace forja::trace {

/// One value of the graph. ne and nb as in ggml.
struct node {
    enum class kind {
        computed, // the result of `op`
        weight,   // a tensor of the file
        input,    // set by libllama for each batch: tokens, positions, masks
        memory,   // a cache that outlives the batch: keys, values, recurrent state
        constant, // anything else that has no operation
    };
    kind                 what = kind::computed;
    ggml_op              op   = GGML_OP_NONE;
    ggml_type            type = GGML_TYPE_F32;
    int64_t              ne[GGML_MAX_DIMS];
    size_t               nb[GGML_MAX_DIMS];
    int32_t              params[GGML_MAX_OP_PARAMS / sizeof(int32_t)];
    int                  src[GGML_MAX_SRC]; // indices into graph::nodes, -1 for none
    int                  view_src  = -1;
    size_t               view_offs = 0; // bytes from the first byte of view_src
    std::string          name;
    std::vector<uint8_t> bytes; // of inputs: what libllama set

    int64_t n_elements() const { return ne[0] * ne[1] * ne[2] * ne[3]; }
    int32_t i32(int i) const { return params[i]; }
    float   f32(int i) const;
};

struct graph {
    std::vector<node> nodes;       // operands before their users
    int               n_tokens = 0;
    int               output   = -1; // logits, [n_vocab, n_tokens]
};

/// The graphs of one file at two lengths, from which follows what depends on the number of tokens.
struct capture {
    graph first, second;
    int   n_swa       = 0; // the sliding window of layers that have one, 0 for none
    int   swa_as_seen = 0; // the window in the captured masks: smaller, so that short graphs show it
};

/// @throws error: architecture_unsupported (libllama doesn't know it, or it is no causal language model), tensor_missing,
///         tensor_bad_shape, gguf_bad_metadata, model_unsupported (libllama refuses the file for another reason, which it says)
capture capture_graphs(const gguf_file & file);

/// An operation's name: "ADD", "UNARY:SILU", "GLU:SWIGLU".
std::string op_name(const node & n);

} // namespace forja::trace
