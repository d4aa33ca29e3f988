// A frozen linear layer's weights.
#pragma once

#include <string>

#include "ggml.h"
#include "gguf/gguf-file.hpp"

namespace forja {

/// One linear layer of a block: weight ne = [n_in, n_out] of any type, bias ne = [n_out] F32 or null. Of E experts: weight
/// ne = [n_in, n_out, E], bias ne = [n_out, E].
struct linear_weights {
    std::string         name; // of the weight tensor, for example "blk.0.attn_q.weight"
    ggml_tensor *       weight = nullptr;
    ggml_tensor *       bias   = nullptr;
    const tensor_info * info   = nullptr; // the weight in the mapped file
    explicit operator bool() const { return weight != nullptr; }
};

} // namespace forja
