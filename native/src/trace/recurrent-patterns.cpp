// The patterns of what carries something from token to token: short convolutions and delta nets. Both begin with what a cache held, which
// is nothing at a row's start.
#include "trace/recognise.hpp"
#include "trace/recogniser.hpp"

namespace forja::trace {

bool recogniser::is_memory(int i) const {
    while (i >= 0 && at(i).what == node::kind::computed) {
        const ggml_op op = at(i).op;
        if (op != GGML_OP_GET_ROWS && op != GGML_OP_RESHAPE && op != GGML_OP_VIEW && op != GGML_OP_CONT) {
            return false;
        }
        i = op == GGML_OP_VIEW && at(i).view_src >= 0 ? at(i).view_src : at(i).src[0];
    }
    return i >= 0 && at(i).what == node::kind::memory;
}

int recogniser::conv_of(int i) const {
    if (is(i, GGML_OP_UNARY) && at(i).i32(0) == GGML_UNARY_OP_SILU) {
        i = strip(src(i, 0));
    }
    return is(i, GGML_OP_SSM_CONV) ? i : -1;
}

// SSM_CONV(CONCAT(what the cache held, the channels' tokens), weight): [n, T], each channel's tokens one behind the other inside.
planned recogniser::match_conv(int i) const {
    const int conv = conv_of(i), whole = src(conv, 0), w = src(conv, 1);
    const int tokens = is(whole, GGML_OP_CONCAT) && at(whole).i32(0) == 0 ? src(whole, 1) : -1;
    if (!is_weight(w) || !is(tokens, GGML_OP_TRANSPOSE) || !is_memory(src(whole, 0)) || at(src(whole, 0)).ne[0] != at(w).ne[0] - 1) {
        throw unsupported{"a convolution over something else than the last tokens (" + at(conv).name + ")"};
    }
    planned p;
    p.what.kind     = step_kind::short_conv;
    p.what.weight   = at(w).name;
    p.what.has_silu = conv != i;
    p.what.shape    = matrix_shape(i);
    p.needs         = {{src(tokens, 0), matrix_shape(src(tokens, 0))}};
    return p;
}

bool recogniser::is_delta_output(int i) const {
    return is(i, GGML_OP_VIEW) && is(at(i).view_src, GGML_OP_GATED_DELTA_NET) && at(i).view_offs == 0 && at(i).ne[2] == c_.first.n_tokens;
}

planned recogniser::match_delta_net(int i) const {
    const node & n = at(at(i).view_src);
    const node & v = at(n.src[2]);
    if (at(n.src[3]).ne[0] != 1) {
        throw unsupported{"a delta net with a gate for each channel"};
    }
    if (!is_memory(n.src[5]) || v.ne[3] != 1 || at(i).ne[0] != v.ne[0] || at(i).ne[1] != v.ne[1]) {
        throw unsupported{"a delta net that does not begin with its cache (" + n.name + ")"};
    }
    planned p;
    p.what.kind  = step_kind::delta_net;
    p.what.shape = shape_of(i);
    // Heads of keys that are repeated one by one, instead of all of them in turn as the operation would.
    int k[2] = {n.src[0], n.src[1]};
    int repeated = 0;
    for (int & operand : k) {
        const int from = strip(operand);
        if (is(from, GGML_OP_REPEAT)) {
            const node & whole = at(from), & one = at(src(from, 0));
            if (one.ne[1] != 1 || one.ne[0] != whole.ne[0] || one.ne[2] != whole.ne[2] || one.ne[3] != whole.ne[3] || one.ne[3] != c_.first.n_tokens) {
                throw unsupported{"a delta net with keys that are repeated in another way (" + n.name + ")"};
            }
            operand = strip(src(from, 0));
            repeated++;
        }
    }
    if (repeated == 1 || at(k[0]).ne[2] != c_.first.n_tokens || at(k[1]).ne[2] != c_.first.n_tokens) {
        throw unsupported{"a delta net with queries of another shape than its keys (" + n.name + ")"};
    }
    p.what.is_grouped = repeated == 2;
    for (int operand : {k[0], k[1], n.src[2], n.src[3], n.src[4]}) {
        p.needs.push_back({operand, shape_of(operand)});
    }
    return p;
}

} // namespace forja::trace
