#include "model/run-part.hpp"

#include "base/random.hpp"

namespace forja {

namespace {

// Rows of a table that the prologue needs beside the tokens' own, such as positions'.
var embedding(tape & t, batch_inputs & in, ggml_tensor * table) { return t.input(ggml_get_rows(t.ctx(), table, in.positions), false); }

} // namespace

var run_part(tape & t, batch_inputs * in, const model & m, const trace::part & p, int il, method * tuning, uint64_t dropout_key, var x) {
    using kind = trace::step_kind;
    const int64_t      T = x->value->ne[1];
    const dropout_keys keys{stream_key(dropout_key, il), in ? in->batch->dropout_ids.data() : nullptr};
    std::vector<var>   values(p.n_values, nullptr);
    values[0] = x;
    for (const trace::step & s : p.steps) {
        auto          arg = [&](int i) { return values[s.in[i]]; };
        auto          ne  = [&](int d) { return s.shape[d].at(T); };
        ggml_tensor * w   = m.tensor(s.weight);
        var           y   = nullptr;
        switch (s.kind) {
            case kind::linear: {
                const linear_weights & layer = m.linear(s.weight);
                y = linear(t, layer, arg(0), tuning && il >= 0 ? tuning->adapt(layer, keys) : nullptr, s.router);
                break;
            }
            case kind::experts: y = experts(t, m.linear(s.weight), arg(0), arg(1)); break;
            case kind::experts_sum: y = experts_sum(t, m.linear(s.weight), arg(0), arg(1), arg(2)); break;
            case kind::short_conv: y = short_conv(t, *in, arg(0), w, s.has_silu); break;
            case kind::l2_norm: y = l2_norm(t, arg(0), s.eps); break;
            case kind::delta_net: y = delta_net(t, *in, arg(0), arg(1), arg(2), arg(3), arg(4), s.is_grouped); break;
            case kind::softmax: y = softmax(t, arg(0), s.factor); break;
            case kind::top_k: y = top_k(t, arg(0), ne(0)); break;
            case kind::pick: y = pick(t, arg(0), arg(1)); break;
            case kind::sum_rows: y = sum_rows(t, arg(0)); break;
            case kind::divide: y = divide(t, arg(0), arg(1)); break;
            case kind::rms_norm: y = rms_norm(t, arg(0), w, s.eps); break;
            case kind::layer_norm: y = layer_norm(t, arg(0), w, m.tensor(s.bias), s.eps); break;
            case kind::rope: y = rope(t, *in, arg(0), s.rotation, w); break;
            case kind::attention: y = attention(t, *in, arg(0), arg(1), arg(2), s.how, w); break;
            case kind::gated: y = gated(t, arg(0), arg(1), s.act, s.constants); break;
            case kind::unary: y = unary(t, arg(0), s.function, s.constants); break;
            case kind::add: y = add(t, arg(0), arg(1)); break;
            case kind::multiply: y = multiply(t, arg(0), arg(1)); break;
            case kind::add_weight: y = add_weight(t, arg(0), w); break;
            case kind::mul_weight: y = multiply_weight(t, arg(0), w); break;
            case kind::scale: y = scale(t, arg(0), s.factor, s.bias_value); break;
            case kind::clamp: y = clamp(t, arg(0), s.least, s.most); break;
            case kind::slice: y = slice(t, arg(0), ne(0), ne(1), ne(2), s.stride1, s.stride2, s.offset); break;
            case kind::reshape: y = s.shape[2] == trace::extent{} ? reshape_2d(t, arg(0), ne(0), ne(1)) : reshape_3d(t, arg(0), ne(0), ne(1), ne(2)); break;
            case kind::embedding: y = embedding(t, *in, w); break;
            case kind::split: {
                const std::vector<var> parts = split_rows(t, arg(0), s.sizes);
                for (size_t i = 0; i < parts.size(); i++) {
                    values[s.out[i]] = parts[i];
                }
                continue;
            }
        }
        values[s.out[0]] = y;
    }
    return values[p.output];
}

var block_forward(tape & t, batch_inputs & in, const model & m, int il, method * tuning, uint64_t dropout_key, var x) {
    return run_part(t, &in, m, m.program().blocks[il], il, tuning, dropout_key, x);
}

} // namespace forja
