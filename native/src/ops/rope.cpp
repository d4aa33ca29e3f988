// Rotary embedding. The inverse of a rotation by position p is the rotation by -p, which every backend has.
#include "ops/ops.hpp"

namespace forja {

namespace {
// sign -1: the inverse.
ggml_tensor * rotate(tape & t, batch_inputs & in, ggml_tensor * x, int sign, const rope_settings & r, ggml_tensor * factors) {
    if (r.mode & GGML_ROPE_TYPE_MROPE) {
        std::array<int, 4> sections = r.sections;
        return ggml_rope_multi(t.ctx(), x, in.multi_positions(t.g, sign), factors, r.n_rot, sections.data(), r.mode, r.n_ctx_orig, r.freq_base,
                               r.freq_scale, r.ext_factor, r.attn_factor, r.beta_fast, r.beta_slow);
    }
    ggml_tensor * positions = sign < 0 ? in.neg_positions : in.positions;
    return ggml_rope_ext(t.ctx(), x, positions, factors, r.n_rot, r.mode, r.n_ctx_orig, r.freq_base, r.freq_scale, r.ext_factor,
                         r.attn_factor, r.beta_fast, r.beta_slow);
}
} // namespace

var rope(tape & t, batch_inputs & in, var x, const rope_settings & r, ggml_tensor * factors) {
    var y = t.make(rotate(t, in, x->value, 1, r, factors), x->requires_grad);
    t.push([&t, &in, x, y, &r, factors] {
        if (y->grad) {
            // attn_factor multiplies sine and cosine, so it scales the transposed rotation just as well.
            t.accumulate(x, rotate(t, in, y->grad, -1, r, factors));
        }
    });
    return y;
}

} // namespace forja
