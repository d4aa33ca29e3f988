// Reverse-mode differentiation over coarse operations (a linear layer, a norm, attention …), each with its own backward.
//
// A block is written once, forward, on a tape. Walked in reverse, the tape adds the backward pass to the same graph. What the
// forward pass kept in memory is read back; what it did not is recomputed, since only nodes that something needs are run.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "ops/graph.hpp"

namespace forja {

/// A value on the tape and the gradient that has reached it. `d` before a name is a gradient, as in dx.
struct var_data {
    ggml_tensor * value         = nullptr;
    ggml_tensor * grad          = nullptr; // null until something reached it
    bool          requires_grad = false;
    bool          grad_is_own   = false; // no other value shares it: more may be added to it in place
};
using var = var_data *; // owned by the tape

/// Memory in which one block's expensive values wait for its backward pass.
struct kept_values {
    enum class mode {
        none,    // nothing is kept
        measure, // nothing is kept; bytes are counted
        store,   // forward pass: values are computed into the memory
        load,    // backward pass: values are read from it
    };
    mode                  what    = mode::none;
    ggml_backend_buffer_t buffer  = nullptr;
    uint8_t *             address = nullptr;
    size_t                bytes   = 0; // used so far
    bool                  bf16    = false; // kept in BF16 where the caller allows it: half the memory, so twice the blocks
};

class tape {
  public:
    /// @param training false leaves out dropout
    tape(graph & g, kept_values * kept, bool training) : g(g), training(training), kept_(kept) {}

    graph &    g;
    const bool training;

    ggml_context * ctx() const { return g.ctx(); }

    var input(ggml_tensor * t, bool requires_grad) { return make(t, requires_grad); }
    var make(ggml_tensor * t, bool requires_grad);

    /// Marks a computed node as worth keeping from the forward to the backward pass; returns what to use in its place.
    /// @param exact the backward pass needs all of its bits (a logarithm, say)
    ggml_tensor * keep(ggml_tensor * t, bool exact = false);

    /// Called in reverse order of the calls to push().
    void push(std::function<void()> backward) { ops_.push_back(std::move(backward)); }

    /// Adds to a value's gradient; ignored where none is required.
    /// @param is_own the node is `v`'s alone: see own_grad()
    void accumulate(var v, ggml_tensor * grad, bool is_own = false);

    /// The gradient that has reached `v`, where a node may add to it in place (the CPU); else null. The sum goes to replace_grad().
    ggml_tensor * own_grad(var v) const { return g.on_cpu() && v->grad_is_own ? v->grad : nullptr; }
    void          replace_grad(var v, ggml_tensor * sum) { v->grad = sum; }

    /// Walks back from `out`, whose gradient is `grad`.
    void backward(var out, ggml_tensor * grad);

  private:
    std::deque<var_data>               vars_;
    std::vector<std::function<void()>> ops_;
    kept_values *                      kept_;
};

} // namespace forja
