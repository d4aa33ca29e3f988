#include "ops/cpu-recurrent.hpp"

#include <cmath>

#include "ops/cpu-node.hpp"

namespace forja {

using namespace cpu_node;

namespace {

cpu::short_conv_shape shape_of(const batch_inputs & in, const ggml_tensor * taps, bool has_silu) {
    return {taps->ne[0], taps->ne[1], in.batch->n_seq(), in.batch->seq_start.data(), has_silu};
}

double dot(const float * a, const float * b, int64_t n) {
    float   parts[8] = {};
    int64_t i        = 0;
    for (; i + 8 <= n; i += 8) {
        for (int j = 0; j < 8; j++) {
            parts[j] += a[i + j] * b[i + j];
        }
    }
    double sum = 0;
    for (float part : parts) {
        sum += part;
    }
    for (; i < n; i++) {
        sum += (double) a[i] * b[i];
    }
    return sum;
}

} // namespace

ggml_tensor * cpu_short_conv(graph & g, batch_inputs & in, ggml_tensor * x, ggml_tensor * taps, bool has_silu) {
    const cpu::short_conv_shape s = shape_of(in, taps, has_silu);
    return node_like(g, "short convolution", x, {x, taps}, [=](ggml_tensor * dst, int ith, int nth) {
        cpu::short_conv_forward(s, f32(x), f32(taps), f32(dst), ith, nth);
    });
}

ggml_tensor * cpu_short_conv_backward(graph & g, batch_inputs & in, ggml_tensor * x, ggml_tensor * taps, ggml_tensor * dy, bool has_silu) {
    const cpu::short_conv_shape s = shape_of(in, taps, has_silu);
    dy                            = contiguous(g, dy);
    return node_like(g, "short convolution, backward", x, {x, taps, dy}, [=](ggml_tensor * dst, int ith, int nth) {
        cpu::short_conv_backward(s, f32(x), f32(taps), f32(dy), f32(dst), ith, nth);
    });
}

ggml_tensor * cpu_l2_norm(graph & g, ggml_tensor * x, float eps) {
    const int64_t n = x->ne[0], rows = ggml_nrows(x);
    return node_like(g, "L2 norm", x, {x}, [=](ggml_tensor * dst, int ith, int nth) {
        for (int64_t r = rows * ith / nth; r < rows * (ith + 1) / nth; r++) {
            const float * from  = f32(x) + r * n;
            const float   scale = 1.0f / std::fmax((float) std::sqrt(dot(from, from, n)), eps);
            for (int64_t i = 0; i < n; i++) {
                f32(dst)[r * n + i] = scale * from[i];
            }
        }
    });
}

ggml_tensor * cpu_l2_norm_backward(graph & g, ggml_tensor * x, ggml_tensor * dy, float eps) {
    dy = contiguous(g, dy);
    const int64_t n = x->ne[0], rows = ggml_nrows(x);
    return node_like(g, "L2 norm, backward", x, {x, dy}, [=](ggml_tensor * dst, int ith, int nth) {
        for (int64_t r = rows * ith / nth; r < rows * (ith + 1) / nth; r++) {
            const float * from = f32(x) + r * n, * grad = f32(dy) + r * n;
            const double  length = std::sqrt(dot(from, from, n));
            const float   scale  = (float) (1.0 / std::fmax(length, (double) eps));
            const float   along  = length > eps ? (float) (dot(from, grad, n) / (length * length)) : 0.0f;
            for (int64_t i = 0; i < n; i++) {
                f32(dst)[r * n + i] = scale * (grad[i] - along * from[i]);
            }
        }
    });
}

var cpu_delta_net(tape & t, batch_inputs & in, var q, var k, var v, var gate, var beta, bool is_grouped) {
    graph &              g   = t.g;
    ggml_context *       ctx = t.ctx();
    cpu::delta_net_shape s{};
    s.d          = q->value->ne[0];
    s.n_head_k   = q->value->ne[1];
    s.n_head     = v->value->ne[1];
    s.n_seq      = in.batch->n_seq();
    s.seq_start  = in.batch->seq_start.data();
    s.scale      = 1.0f / std::sqrt((float) s.d);
    s.is_grouped = is_grouped;
    const int64_t T = v->value->ne[2], n_v = s.d * s.n_head * T, n_k = s.d * s.n_head_k * T, n_g = s.n_head * T;
    const int64_t n_states = s.d * s.d * s.n_head * cpu::delta_net_chunks(s);
    ggml_tensor * qv = contiguous(g, q->value), * kv = contiguous(g, k->value), * vv = contiguous(g, v->value), * gv = contiguous(g, gate->value),
                * bv = contiguous(g, beta->value);
    // One node holds the output and, behind it, the state at each chunk's start.
    ggml_tensor * both = t.keep(node(g, "delta net", GGML_TYPE_F32, {n_v + n_states}, {qv, kv, vv, gv, bv}, [=](ggml_tensor * dst, int ith, int nth) {
        cpu::delta_net_forward(s, f32(qv), f32(kv), f32(vv), f32(gv), f32(bv), f32(dst), f32(dst) + n_v, scratch(cpu::delta_net_scratch_bytes(s)), ith, nth);
    }), true);
    const size_t  d4 = s.d * sizeof(float);
    var           y  = t.make(ggml_view_3d(ctx, both, s.d, s.n_head, T, d4, d4 * s.n_head, 0),
                   q->requires_grad || k->requires_grad || v->requires_grad || gate->requires_grad || beta->requires_grad);
    t.push([=, &t, &g] {
        if (!y->grad || !y->requires_grad) {
            return;
        }
        ggml_tensor * dy = contiguous(g, y->grad);
        // [dq | dk | dv | d_gate | d_beta]
        ggml_tensor * grads = node(g, "delta net, backward", GGML_TYPE_F32, {2 * n_k + n_v + 2 * n_g}, {qv, kv, vv, gv, bv, both, dy},
                                   [=](ggml_tensor * dst, int ith, int nth) {
                                       float * d = f32(dst);
                                       cpu::delta_net_backward(s, f32(qv), f32(kv), f32(vv), f32(gv), f32(bv), f32(both) + n_v, f32(dy), d, d + n_k,
                                                               d + 2 * n_k, d + 2 * n_k + n_v, d + 2 * n_k + n_v + n_g,
                                                               scratch(cpu::delta_net_scratch_bytes(s)), ith, nth);
                                   });
        auto part = [&](int64_t n, int64_t heads, int64_t offset) {
            return ggml_view_3d(ctx, grads, n, heads, T, n * sizeof(float), n * heads * sizeof(float), offset * sizeof(float));
        };
        t.accumulate(q, part(s.d, s.n_head_k, 0));
        t.accumulate(k, part(s.d, s.n_head_k, n_k));
        t.accumulate(v, part(s.d, s.n_head, 2 * n_k));
        t.accumulate(gate, part(1, s.n_head, 2 * n_k + n_v));
        t.accumulate(beta, part(1, s.n_head, 2 * n_k + n_v + n_g));
    });
    return y;
}

} // namespace forja
