// What is to lie in a device's memory: how many tokens are computed at a time, how much of the weights stays, how many
// activations are kept. Arithmetic only; the engine measures and allocates.
#pragma once

#include <functional>
#include <vector>

#include "model/weight-store.hpp"

namespace forja {

/// Sizes that a plan is made from.
struct memory_needs {
    size_t               available_bytes = 0;
    size_t               adapter_bytes   = 0; // parameters, gradients, moments
    std::vector<int64_t> pass_tokens;         // tokens that may be computed at a time, most first; never empty
    size_t               kept_bytes = 0;      // of activations that are worth keeping

    /// Bytes of activations and intermediate values for a pass of so many tokens; `slabs`: the head comes slab by slab.
    std::function<size_t(int64_t tokens, bool slabs)> activation_bytes;

    // Of the weights; on the CPU they stay in the file and weight_bytes is empty.
    std::function<size_t(const weight_placement &)> weight_bytes;
    int                                             n_layer = 0;
    std::vector<int64_t>                            head_rows; // sizes that the head's slabs may have, largest first
};

struct memory_plan {
    weight_placement weights;
    int64_t          pass_tokens = 0;
    size_t           kept_bytes  = 0;
    size_t           bytes       = 0; // of all, kept activations included
};

/// In this order: all weights on the device and as many tokens at a time as then fit; else streamed blocks, as many tokens at a
/// time as fit beside two slots (an upload serves all of them) or one, and slots in what is left; else the head in slabs too. Kept
/// activations take what remains.
/// @throws failure device_out_of_memory when even the least does not fit
memory_plan plan_memory(const memory_needs & n, const std::string & device_name);

/// max_tokens, and what is left of it halved again and again down to one row: passes that whole rows fit into.
std::vector<int64_t> pass_sizes(int64_t max_tokens, int64_t max_row_tokens);

} // namespace forja
