// What is to lie in a device's memory: how many tokens are computed at a time, how much of the weights stays, how many
// activations are kept. Arithmetic only; the engine measures and allocates.
#pragma once

#include <functional>
#include <vector>

#include "model/weight-store.hpp"

namespace forja {

/// A pass of so many tokens is fast: unpacking the weights is a few percent of it.
constexpr int64_t fast_pass_tokens = 512;

/// How many tokens are computed at a time, and which blocks' inputs are kept meanwhile (input_slots).
struct pass_choice {
    int64_t tokens       = 0;
    int     input_stride = 1;
};

/// Sizes that a plan is made from.
struct memory_needs {
    size_t               available_bytes = 0;
    size_t               adapter_bytes   = 0; // parameters, gradients, moments
    std::vector<pass_choice> passes;          // best first; never empty
    size_t               kept_bytes = 0;      // of activations that are worth keeping
    size_t               kept_part  = 1;      // they may take one part in so many of what is left

    /// Bytes of activations and intermediate values for such a pass; `slabs`: the head comes slab by slab.
    std::function<size_t(const pass_choice &, bool slabs)> activation_bytes;

    // Of the weights; on the CPU they stay in the file and weight_bytes is empty.
    std::function<size_t(const weight_placement &)> weight_bytes;
    int                                             n_layer = 0;
    std::vector<int64_t>                            head_rows; // sizes that the head's slabs may have, largest first
};

struct memory_plan {
    weight_placement weights;
    int64_t          pass_tokens  = 0;
    int              input_stride = 1;
    size_t           kept_bytes  = 0;
    size_t           bytes       = 0; // of all, kept activations included
};

/// In this order: all weights on the device and the best pass that then fits; else streamed blocks, the best pass that fits beside
/// two slots (an upload serves all of its tokens) or one, and slots in what is left; else the head in slabs too. Kept activations
/// take what remains.
/// @throws failure device_out_of_memory when even the least does not fit
memory_plan plan_memory(const memory_needs & n, const std::string & device_name);

/// Passes that whole rows fit into, best first: max_tokens halved again and again while that costs no speed, then fewer inputs
/// kept (each costs up to a forward pass more), then smaller passes down to one row, with all inputs or few.
std::vector<pass_choice> pass_choices(int64_t max_tokens, int64_t max_row_tokens, int longest_stride);

} // namespace forja
