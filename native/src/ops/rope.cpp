// Rotary embedding. The inverse of a rotation by position p is the rotation by -p, which every backend has.
#include "ops/ops.hpp"

namespace forja {

namespace {
ggml_tensor * rotate(tape & t, ggml_tensor * x, ggml_tensor * positions, const rope_settings & r, ggml_tensor * factors) {
    return ggml_rope_ext(t.ctx(), x, positions, factors, r.n_rot, r.mode, r.n_ctx_orig, r.freq_base, r.freq_scale, r.ext_factor,
                         r.attn_factor, r.beta_fast, r.beta_slow);
}
} // namespace

var rope(tape & t, batch_inputs & in, var x, const rope_settings & r, ggml_tensor * factors) {
    var y = t.make(rotate(t, x->value, in.positions, r, factors), x->requires_grad);
    t.push([&t, &in, x, y, &r, factors] {
        if (y->grad) {
            // attn_factor multiplies sine and cosine, so it scales the transposed rotation just as well.
            t.accumulate(x, rotate(t, y->grad, in.neg_positions, r, factors));
        }
    });
    return y;
}

} // namespace forja
