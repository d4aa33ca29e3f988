// The tape's operations. Shapes in ggml's order; all values F32; T tokens of several sequences back to back.
#pragma once

#include <array>
#include <map>
#include <memory>

#include "ops/settings.hpp"
#include "ops/tape.hpp"
#include "ops/weights.hpp"

namespace forja {

/// The rows of one micro-batch, back to back with nothing between: no result depends on padding, because there is none.
struct micro_batch {
    std::vector<int32_t>  tokens;      // T
    std::vector<int32_t>  positions;   // T, from 0 in each sequence
    std::vector<int32_t>  seq_start;   // n_seq + 1 offsets into tokens
    std::vector<int32_t>  sup_index;   // where a supervised token is predicted: the index of the token before it
    std::vector<int32_t>  labels;      // the supervised tokens
    std::vector<int32_t>  sup_start;   // n_seq + 1 offsets into labels
    std::vector<uint64_t> dropout_ids; // T, of a token's row and place in it: the same in whichever pass the row lies

    int64_t n_tokens() const { return (int64_t) tokens.size(); }
    int     n_seq() const { return (int) seq_start.size() - 1; }
};

/// What the operations of one graph share: positions and masks as graph inputs.
struct batch_inputs {
    const micro_batch * batch         = nullptr;
    ggml_tensor *       positions     = nullptr; // I32 [T]
    ggml_tensor *       neg_positions = nullptr; // I32 [T]: the inverse rotation

    batch_inputs(graph & g, const micro_batch & mb);

    /// Positions as M-RoPE takes them: I32 [4 T], three times the tokens' own (times `sign`), then zeros.
    ggml_tensor * multi_positions(graph & g, int sign);

    /// I32 [T]: the token so many before each in its row (after it for a negative number), T where its row has none.
    ggml_tensor * shifted(graph & g, int back);

    /// Additive mask ne = [n_before + n, n] F32 of n queries, at most graph_runner::attention_rows, over themselves and the n_before
    /// keys before them: -inf where key > query or query - key >= n_swa (n_swa > 0).
    ggml_tensor * mask(graph & g, int64_t n, int64_t n_before, int n_swa);

  private:
    // Who sees whom depends only on the distance: all masks of a micro-batch are cut out of one for each window.
    struct mask_source {
        int           n_swa;
        int64_t       n_before; // keys before the first query
        ggml_tensor * tensor;   // [n_before + n, n]
    };
    std::vector<mask_source> masks_;
    ggml_tensor *            multi_[2] = {nullptr, nullptr};
    std::map<int, ggml_tensor *> shifted_;
    const mask_source &      source(graph & g, int n_swa);
};

/// y = x / rms(x) * w over ne[0]. x [n, ...], w [n] or null.
var rms_norm(tape & t, var x, ggml_tensor * w, float eps);

/// What one layer's dropout follows from: the same two give the same mask, whatever the pass and the device.
struct dropout_keys {
    uint64_t         key   = 0;       // of the step and the layer
    const uint64_t * token = nullptr; // micro_batch::dropout_ids
};

/// What a tuning method does to one frozen linear layer, called by linear() in this order. Shapes as there.
class adapted_linear {
  public:
    virtual ~adapted_linear() = default;

    /// True where forward() is given the bare product W x, adds the layer's bias and keeps what its backward() needs by itself.
    virtual bool owns_output() const { return false; }

    /// The layer's output, from x [n_in, T] and the base's own output y_base [n_out, T], which may be changed in place.
    virtual ggml_tensor * forward(tape & t, ggml_tensor * x, ggml_tensor * y_base) = 0;

    /// Adds the gradients of the method's own parameters, from dy [n_out, T]; returns the gradient of y_base.
    virtual ggml_tensor * backward(tape & t, ggml_tensor * x, ggml_tensor * dy) = 0;

    /// dx [n_in, T] with the method's own share added; `dx` is this layer's alone and may be changed in place.
    virtual ggml_tensor * add_dx(tape & t, ggml_tensor * dx) = 0;
};

/// y = W x + b with frozen W and b; x [n_in, T] -> y [n_out, T]. `adapted` may be null (nothing is tuned here).
/// @param exact a choice follows from y: it is kept with all of its bits, so that the choice is the same on the way back
var linear(tape & t, const linear_weights & w, var x, std::shared_ptr<adapted_linear> adapted, bool exact = false);

/// y = a + b.
var add(tape & t, var a, var b);

/// The same of plain tensors of one shape.
ggml_tensor * sum_of(graph & g, ggml_tensor * a, ggml_tensor * b);

/// The same values in another shape.
var reshape_3d(tape & t, var x, int64_t ne0, int64_t ne1, int64_t ne2);
var reshape_2d(tape & t, var x, int64_t ne0, int64_t ne1);

/// Cuts x [n, T] into parts along ne[0]; each part is contiguous.
std::vector<var> split_rows(tape & t, var x, const std::vector<int64_t> & sizes);

/// Rotary embedding of x [head_dim, n_heads, T].
var rope(tape & t, batch_inputs & in, var x, const rope_settings & r, ggml_tensor * factors);

/// Causal attention inside each sequence: q [head_dim, n_head, T], k and v [head_dim, n_head_kv, T] -> [head_dim * n_head, T].
/// sinks [n_head] or null: a logit of each head that takes its share of the softmax and adds nothing.
/// Source: Vaswani et al. 2017, eq. 1; the tiled form on the CPU: Dao et al. 2022, algorithms 1 and 4.
var attention(tape & t, batch_inputs & in, var q, var k, var v, const attention_settings & s, ggml_tensor * sinks = nullptr);

/// y = (x - mean(x)) / sd(x) * w + b over ne[0]. x [n, ...], w and b [n] or null.
var layer_norm(tape & t, var x, ggml_tensor * w, ggml_tensor * b, float eps);

// Value by value. Weights are repeated over the dimensions that they lack.
var unary(tape & t, var x, unary_function f, const std::array<float, 4> & constants = {});
var multiply(tape & t, var a, var b); // b as large as a, or ne[0] = 1 and the rest as a's
var add_weight(tape & t, var x, ggml_tensor * w);
var multiply_weight(tape & t, var x, ggml_tensor * w);
var scale(tape & t, var x, float factor, float bias = 0.0f); // y = factor x + bias
var clamp(tape & t, var x, float least, float most);

/// A part of x, seen with strides of its own (in floats; stride2 0: none), as a contiguous value [ne0, ne1, ne2].
var slice(tape & t, var x, int64_t ne0, int64_t ne1, int64_t ne2, int64_t stride1, int64_t stride2, int64_t offset);

/// act(gate) * up. Source: Shazeer 2020, eq. 6 (SwiGLU and GEGLU). `constants` of silu_oai: alpha, limit.
var gated(tape & t, var gate, var up, activation act, const std::array<float, 4> & constants = {});

// How tokens choose experts. x [n, T].
var softmax(tape & t, var x, float factor);  // of factor * x, over ne[0]
var top_k(tape & t, var x, int64_t k);       // ids of the k largest, largest first: I32 [k, T], without a gradient
var pick(tape & t, var x, var ids);          // x's values at ids: [k, T]
var sum_rows(tape & t, var x);               // over ne[0]: [1, T]
var divide(tape & t, var a, var b);          // b's ne[0] is a's, or 1

/// y[:, j, t] = W[e] x[:, j, t] + b[e] with the expert e = ids[j, t] of frozen W [n_in, n_out, E] and b [n_out, E] or none; x [n_in, k, T],
/// or [n_in, 1, T] for all of a token's experts -> [n_out, k, T]. Only the matrices of experts that a token takes are read, on the CPU.
var experts(tape & t, const linear_weights & w, var x, var ids);

/// y[:, t] = sum over j of weights[j, t] (W[e] x[:, j, t] + b[e]): x [n_in, k, T], weights [k, T] -> [n_out, T].
var experts_sum(tape & t, const linear_weights & w, var x, var ids, var weights);

/// z[c, t] = sum over k < K of w[k, c] x[c, t - (K - 1) + k] within each row, silu(z) where asked for; x [n, T], w [K, n].
var short_conv(tape & t, batch_inputs & in, var x, ggml_tensor * w, bool has_silu);

/// y = x / max(|x|, eps) over ne[0].
var l2_norm(tape & t, var x, float eps);

/// Gated delta net (cpu::delta_net_forward()): q, k [d, n_head_k, T], v [d, n_head, T], gate and beta [1, n_head, T] -> [d, n_head, T].
/// @param is_grouped value head h reads key head h / (n_head / n_head_k), else h mod n_head_k
var delta_net(tape & t, batch_inputs & in, var q, var k, var v, var gate, var beta, bool is_grouped);

/// acc [m, n] += scale * gradient_factor * sum over T of a [m, T] b [n, T]; acc is persistent F32 memory. Added to the graph at once.
void accumulate_outer(graph & g, ggml_tensor * acc, ggml_tensor * a, ggml_tensor * b, float scale);

} // namespace forja
