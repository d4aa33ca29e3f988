#include "ops/cpu-ops.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/cpu-node.hpp"
#include "ops/cpu/kernels.hpp"
#include "ops/half-rows.hpp"

namespace forja {

using namespace cpu_node;

namespace {

cpu::glu_kind kind_of(activation act) { return act == activation::silu ? cpu::glu_kind::silu : cpu::glu_kind::gelu_tanh; }

} // namespace

ggml_tensor * cpu_rms_norm(graph & g, ggml_tensor * x, ggml_tensor * w, float eps) {
    return node_like(g, "norm", x, {x, w}, [x, w, eps](ggml_tensor * dst, int ith, int nth) {
        cpu::rms_norm_forward(f32(dst), nullptr, f32(x), nullptr, f32(w), x->ne[0], ggml_nrows(x), eps, ith, nth);
    });
}

ggml_tensor * cpu_rms_norm_backward(graph & g, ggml_tensor * x, ggml_tensor * w, ggml_tensor * dy, float eps) {
    dy = contiguous(g, dy);
    return node_like(g, "norm, backward", x, {x, w, dy}, [x, w, dy, eps](ggml_tensor * dst, int ith, int nth) {
        cpu::rms_norm_backward(f32(dst), f32(x), f32(w), f32(dy), x->ne[0], ggml_nrows(x), eps, false, ith, nth);
    });
}

ggml_tensor * cpu_gated(graph & g, ggml_tensor * gate, ggml_tensor * up, activation act) {
    return node_like(g, "gated activation", gate, {gate, up}, [gate, up, act](ggml_tensor * dst, int ith, int nth) {
        cpu::glu_forward(kind_of(act), f32(gate), f32(up), gate->ne[0], f32(dst), gate->ne[0], gate->ne[1], ith, nth);
    });
}

std::pair<ggml_tensor *, ggml_tensor *> cpu_gated_backward(graph & g, ggml_tensor * gate, ggml_tensor * up, ggml_tensor * dy,
                                                           activation act) {
    dy = contiguous(g, dy);
    const int64_t n = gate->ne[0], T = gate->ne[1];
    ggml_tensor * both = node(g, "gated activation, backward", GGML_TYPE_F32, {n, T, 2}, {gate, up, dy}, [gate, up, dy, act, n, T](ggml_tensor * dst, int ith, int nth) {
        cpu::glu_backward(kind_of(act), f32(gate), f32(up), n, f32(dy), f32(dst), f32(dst) + n * T, n, T, ith, nth);
    });
    return {ggml_view_2d(g.ctx(), both, n, T, both->nb[1], 0), ggml_view_2d(g.ctx(), both, n, T, both->nb[1], both->nb[2])};
}

namespace {

// With a sink z the softmax's sum grows by exp(z): outputs shrink by exp(lse - lse'), and lse' is the new sum's logarithm. The way back
// takes its probabilities from lse', so it stays as it is.
ggml_tensor * with_sinks(graph & g, ggml_tensor * both, ggml_tensor * sinks, int64_t head_dim, int64_t n_head, int64_t T) {
    return node_inplace(g, "attention, sinks", both, {sinks}, [=](ggml_tensor * dst, int ith, int nth) {
        float * lse = f32(dst) + head_dim * n_head * T;
        for (int64_t i = n_head * T * ith / nth; i < n_head * T * (ith + 1) / nth; i++) {
            const float sink = f32(sinks)[i % n_head], most = std::max(lse[i], sink);
            const float sum = most + std::log(std::exp(lse[i] - most) + std::exp(sink - most)), factor = std::exp(lse[i] - sum);
            for (float * x = f32(dst) + i * head_dim, * end = x + head_dim; x < end; x++) {
                *x *= factor;
            }
            lse[i] = sum;
        }
    });
}

} // namespace

var cpu_attention(tape & t, batch_inputs & in, var q, var k, var v, const attention_settings & s, ggml_tensor * sinks) {
    graph &                g = t.g;
    ggml_context *         ctx = t.ctx();
    const int64_t          head_dim = q->value->ne[0], n_head = q->value->ne[1], n_head_kv = k->value->ne[1], T = q->value->ne[2];
    cpu::attention_shape   shape{};
    shape.head_dim      = head_dim;
    shape.n_head        = n_head;
    shape.n_head_kv     = n_head_kv;
    shape.n_tokens      = T;
    shape.n_seq         = in.batch->n_seq();
    shape.seq_start     = in.batch->seq_start.data();
    shape.scale         = s.scale;
    shape.logit_softcap = s.softcap;
    shape.n_swa         = s.n_swa;
    shape.type          = g.runner().own_products() ? cpu::fastest_product() : cpu::product_type::f32;

    const int64_t n_out = head_dim * n_head * T, n_kv = head_dim * n_head_kv * T;
    auto *        forward_queue = g.own(std::make_shared<cpu::work_queue>())->get();
    ggml_tensor * qv = q->value, * kv = k->value, * vv = contiguous(g, v->value);
    // One node holds the output and, behind it, the log-sum-exp of each query.
    ggml_tensor * plain = node(g, "attention", GGML_TYPE_F32, {n_out + n_head * T}, {qv, kv, vv},
                                     [shape, qv, kv, vv, n_out, forward_queue](ggml_tensor * dst, int ith, int nth) {
                                         cpu::attention_forward(shape, f32(qv), f32(kv), f32(vv), f32(dst), f32(dst) + n_out,
                                                                scratch(cpu::attention_forward_scratch_bytes(shape)),
                                                                forward_queue, ith, nth);
                                     });
    ggml_tensor * both = t.keep(sinks ? with_sinks(g, plain, sinks, head_dim, n_head, T) : plain, true);
    var y = t.make(ggml_view_2d(ctx, both, head_dim * n_head, T, head_dim * n_head * sizeof(float), 0),
                   q->requires_grad || k->requires_grad || v->requires_grad);
    t.push([&t, &g, q, k, v, y, both, qv, kv, vv, shape, n_out, n_kv, ctx, head_dim, n_head, n_head_kv, T] {
        if (!y->grad || !y->requires_grad) {
            return;
        }
        ggml_tensor * dy      = contiguous(g, y->grad);
        auto *        queue   = g.own(std::make_shared<cpu::work_queue>())->get();
        const int64_t partial = (int64_t) (cpu::attention_backward_partial_bytes(shape) + sizeof(float) - 1) / sizeof(float);
        // [dq | dk | dv | partial sums of dq]
        ggml_tensor * grads = node(g, "attention, backward", GGML_TYPE_F32, {n_out + 2 * n_kv + partial}, {qv, kv, vv, both, dy},
                                   [=](ggml_tensor * dst, int ith, int nth) {
                                       float * d = f32(dst);
                                       cpu::attention_backward(shape, f32(qv), f32(kv), f32(vv), f32(both), f32(both) + n_out,
                                                               f32(dy), d, d + n_out, d + n_out + n_kv, d + n_out + 2 * n_kv,
                                                               scratch(cpu::attention_backward_scratch_bytes(shape)), queue, ith, nth);
                                   });
        if (partial > 0) {
            grads = node_inplace(g, "attention, backward", grads, {}, [=](ggml_tensor * dst, int ith, int nth) {
                cpu::attention_backward_reduce(shape, f32(dst), f32(dst) + n_out + 2 * n_kv, ith, nth);
            });
        }
        auto part = [&](int64_t heads, int64_t offset) {
            return ggml_view_3d(ctx, grads, head_dim, heads, T, head_dim * sizeof(float), head_dim * heads * sizeof(float),
                                offset * sizeof(float));
        };
        t.accumulate(q, part(n_head, 0));
        t.accumulate(k, part(n_head_kv, n_out));
        t.accumulate(v, part(n_head_kv, n_out + n_kv));
    });
    return y;
}

namespace {

// W^T in F32: the reference precision. Threads take turns over blocks of rows of W.
void transpose_f32(const cpu::weight_rows & w, int64_t first, int64_t n_rows, float * out, int ith, int nth) {
    constexpr int64_t block = 16;
    float * lines = (float *) scratch(block * w.n_in * sizeof(float));
    for (int64_t b = ith; b * block < n_rows; b += nth) {
        const int64_t lo = b * block, n = std::min(block, n_rows - lo);
        for (int64_t r = 0; r < n; r++) {
            const void * src = (const uint8_t *) w.data + w.row_bytes * (first + lo + r);
            if (w.to_float) {
                w.to_float(src, lines + r * w.n_in, w.n_in);
            } else {
                std::memcpy(lines + r * w.n_in, src, w.n_in * sizeof(float));
            }
        }
        for (int64_t i = 0; i < w.n_in; i++) {
            for (int64_t r = 0; r < n; r++) {
                out[i * n_rows + lo + r] = lines[r * w.n_in + i];
            }
        }
    }
}

// "attn_q" of "blk.7.attn_q.weight".
std::string role_of(const std::string & tensor) {
    std::string role = tensor.substr(0, tensor.rfind(".weight"));
    return role.rfind("blk.", 0) == 0 ? role.substr(role.find('.', 4) + 1) : role;
}

// x as weight_product takes it, converted once however many products share it.
ggml_tensor * packed(graph & g, ggml_tensor * x) {
    if (cpu::fastest_product() == cpu::product_type::f32) {
        return x;
    }
    ggml_tensor *& known = g.packed[x];
    if (!known) {
        const int64_t stride = cpu::activation_stride(cpu::product_type::bf16, x->ne[0]);
        known = node(g, "activations to BF16", GGML_TYPE_BF16, {stride, x->ne[1]}, {x}, [x](ggml_tensor * dst, int ith, int nth) {
            cpu::pack_activations((uint16_t *) dst->data, f32(x), x->ne[0], x->ne[0], x->ne[1], ith, nth);
        });
    }
    return known;
}

// W x or W^T x, or onto + that. `input`: x as the kernel takes it, tokens x_stride of its elements apart.
ggml_tensor * product(graph & g, const linear_weights & w, bool transposed, ggml_tensor * input, int64_t x_stride, int64_t y_stride, ggml_tensor * onto) {
    ggml_tensor * weight = w.weight;
    const int64_t T = input->ne[1];
    auto run = [weight, input, x_stride, T, transposed, accumulate = onto != nullptr](ggml_tensor * dst, int ith, int nth) {
        const cpu::weight_rows rows = rows_of(weight);
        cpu::weight_product(cpu::fastest_product(), f32(dst), dst->ne[0], rows, transposed, input->data, x_stride, T, accumulate,
                            scratch(cpu::weight_product_scratch_bytes(rows)), ith, nth);
    };
    ggml_tensor * y = onto ? node_inplace(g, "product", onto, {weight, input}, run) : node(g, "product", GGML_TYPE_F32, {y_stride, T}, {weight, input}, run);
    g.describe(y, (role_of(w.name) + (transposed ? ", W^T dy" : ", W x")).c_str(), 2.0 * (double) weight->ne[0] * (double) weight->ne[1] * (double) T);
    return y;
}

int64_t stride_of(const ggml_tensor * t) { return (int64_t) (t->nb[1] / sizeof(float)); }

} // namespace

ggml_tensor * cpu_weight_product(graph & g, const linear_weights & w, ggml_tensor * x, bool transposed, ggml_tensor * onto) {
    ggml_tensor * input = packed(g, contiguous(g, x));
    return product(g, w, transposed, input, input->ne[0], w.weight->ne[transposed ? 0 : 1], onto);
}

ggml_tensor * cpu_logits(graph & g, const linear_weights & w, ggml_tensor * x) {
    ggml_tensor * input = packed(g, contiguous(g, x));
    const int64_t n_vocab = w.weight->ne[1];
    ggml_tensor * whole = product(g, w, false, input, input->ne[0], cpu::logits_stride(n_vocab), nullptr);
    return ggml_view_2d(g.ctx(), whole, n_vocab, x->ne[1], whole->nb[1], 0);
}

ggml_tensor * cpu_logits_backward(graph & g, const linear_weights & w, ggml_tensor * d_logits) {
    const int64_t per_float = cpu::fastest_product() == cpu::product_type::bf16 ? 2 : 1; // elements of the row, which lies as BF16
    return product(g, w, true, d_logits, stride_of(d_logits) * per_float, w.weight->ne[0], nullptr);
}

ggml_tensor * cpu_sum(graph & g, ggml_tensor * a, ggml_tensor * b) {
    return node_like(g, "sum", a, {a, b}, [a, b](ggml_tensor * dst, int ith, int nth) {
        cpu::add_rows(f32(dst), f32(a), a->ne[0], f32(b), a->ne[0], a->ne[0], ggml_nrows(a), ith, nth);
    });
}

ggml_tensor * cpu_add_bias(graph & g, ggml_tensor * y, ggml_tensor * bias) {
    return node_inplace(g, "bias", y, {bias}, [bias](ggml_tensor * dst, int ith, int nth) {
        cpu::add_rows(f32(dst), f32(dst), stride_of(dst), f32(bias), 0, dst->ne[0], dst->ne[1], ith, nth);
    });
}

ggml_tensor * cpu_scale_outputs(graph & g, ggml_tensor * y, ggml_tensor * m, ggml_tensor * d, ggml_tensor * bias) {
    y = contiguous(g, y);
    return node_like(g, "outputs scaled", y, bias ? std::vector<ggml_tensor *>{y, m, d, bias} : std::vector<ggml_tensor *>{y, m, d},
                     [y, m, d, bias](ggml_tensor * dst, int ith, int nth) {
        const int64_t n = y->ne[0], T = y->ne[1];
        float *       ratio = (float *) scratch(n * sizeof(float));
        for (int64_t i = 0; i < n; i++) {
            ratio[i] = f32(m)[i] / f32(d)[i];
        }
        for (int64_t t = T * ith / nth; t < T * (ith + 1) / nth; t++) {
            const float * from = f32(y) + t * n;
            float *       to   = f32(dst) + t * n;
            for (int64_t i = 0; i < n; i++) {
                to[i] = from[i] * ratio[i];
            }
            for (int64_t i = 0; bias && i < n; i++) {
                to[i] += f32(bias)[i];
            }
        }
    });
}

ggml_tensor * cpu_accumulate_scale(graph & g, ggml_tensor * acc, ggml_tensor * a, ggml_tensor * b, ggml_tensor * d, float scale) {
    a = contiguous(g, a);
    b = contiguous(g, b);
    return node_inplace(g, "gradient of the outputs' scale", acc, {a, b, d}, [a, b, d, scale](ggml_tensor * dst, int ith, int nth) {
        const int64_t n = a->ne[0], lo = n * ith / nth, hi = n * (ith + 1) / nth;
        float *       sum = (float *) scratch((hi - lo) * sizeof(float));
        std::fill(sum, sum + (hi - lo), 0.0f);
        for (int64_t t = 0; t < a->ne[1]; t++) {
            const float *x = f32(a) + t * n + lo, *y = f32(b) + t * n + lo;
            for (int64_t i = 0; i < hi - lo; i++) {
                sum[i] += x[i] * y[i];
            }
        }
        for (int64_t i = lo; i < hi; i++) {
            f32(dst)[i] += scale * sum[i - lo] / f32(d)[i];
        }
    });
}

ggml_tensor * cpu_dequantised(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows) {
    ggml_tensor * weight = w.weight;
    return node(g, "dequantised", GGML_TYPE_F32, {weight->ne[0], n_rows}, {weight}, [weight, first_row, n_rows](ggml_tensor * dst, int ith, int nth) {
        const cpu::weight_rows rows = rows_of(weight);
        for (int64_t r = n_rows * ith / nth; r < n_rows * (ith + 1) / nth; r++) {
            rows.to_float((const uint8_t *) rows.data + rows.row_bytes * (first_row + r), f32(dst) + r * rows.n_in, rows.n_in);
        }
    });
}

ggml_tensor * cpu_dequantised_transpose(graph & g, const linear_weights & w, int64_t first_row, int64_t n_rows) {
    ggml_tensor * weight = w.weight;
    return node(g, "dequantised transpose", GGML_TYPE_F32, {n_rows, weight->ne[0]}, {weight}, [weight, first_row, n_rows](ggml_tensor * dst, int ith, int nth) {
        transpose_f32(rows_of(weight), first_row, n_rows, f32(dst), ith, nth);
    });
}

ggml_tensor * cpu_accumulate_outer(graph & g, ggml_tensor * acc, ggml_tensor * a, ggml_tensor * b, float scale) {
    a = contiguous(g, a);
    b = contiguous(g, b);
    return node_inplace(g, "adapter, gradient of A and B", acc, {a, b}, [a, b, scale](ggml_tensor * dst, int ith, int nth) {
        const int64_t m = a->ne[0], n = b->ne[0], T = a->ne[1];
        if (m >= n) { // acc [n_in, r]
            cpu::outer_accumulate_wide(f32(dst), f32(a), m, f32(b), n, m, n, T, scale, ith, nth);
        } else { // acc [r, n_out]
            cpu::outer_accumulate_thin(f32(dst), f32(b), n, f32(a), m, n, m, T, scale, ith, nth);
        }
    });
}

ggml_tensor * cpu_lora_down(graph & g, ggml_tensor * a, ggml_tensor * x, float scale) {
    x = contiguous(g, x);
    return node(g, "adapter, A x", GGML_TYPE_F32, {a->ne[1], x->ne[1]}, {a, x}, [a, x, scale](ggml_tensor * dst, int ith, int nth) {
        cpu::thin_reduce(f32(dst), a->ne[1], f32(a), cpu::thin_layout::n_fastest, f32(x), a->ne[0], a->ne[0], a->ne[1],
                         x->ne[1], scale, false, ith, nth);
    });
}

ggml_tensor * cpu_lora_up(graph & g, ggml_tensor * b, ggml_tensor * u, ggml_tensor * y, float scale) {
    return node_inplace(g, "adapter, B u", y, {b, u}, [b, u, scale](ggml_tensor * dst, int ith, int nth) {
        cpu::thin_expand(f32(dst), b->ne[1], f32(b), cpu::thin_layout::r_fastest, f32(u), b->ne[0], b->ne[1], b->ne[0], u->ne[1],
                         scale, true, ith, nth);
    });
}

ggml_tensor * cpu_lora_up_backward(graph & g, ggml_tensor * b, ggml_tensor * dy, float scale) {
    dy = contiguous(g, dy);
    return node(g, "adapter, B^T dy", GGML_TYPE_F32, {b->ne[0], dy->ne[1]}, {b, dy}, [b, dy, scale](ggml_tensor * dst, int ith, int nth) {
        cpu::thin_reduce(f32(dst), b->ne[0], f32(b), cpu::thin_layout::r_fastest, f32(dy), b->ne[1], b->ne[1], b->ne[0],
                         dy->ne[1], scale, false, ith, nth);
    });
}

ggml_tensor * cpu_lora_down_backward(graph & g, ggml_tensor * a, ggml_tensor * du, ggml_tensor * dx) {
    return node_inplace(g, "adapter, A^T du", dx, {a, du}, [a, du](ggml_tensor * dst, int ith, int nth) {
        cpu::thin_expand(f32(dst), a->ne[0], f32(a), cpu::thin_layout::n_fastest, f32(du), a->ne[1], a->ne[0], a->ne[1],
                         du->ne[1], 1.0f, true, ith, nth);
    });
}

ggml_tensor * cpu_lora_down_backward(graph & g, ggml_tensor * a, ggml_tensor * du, ggml_tensor * dx, const cpu::dropout & drop) {
    return node_inplace(g, "adapter, A^T du, dropout", dx, {a, du}, [a, du, drop](ggml_tensor * dst, int ith, int nth) {
        constexpr int64_t together = 96; // tokens whose A^T du stays in the cache until it is added
        const int64_t     n = a->ne[0], r = a->ne[1], end = du->ne[1] * (ith + 1) / nth;
        float *           own = (float *) scratch(together * n * sizeof(float));
        for (int64_t t = du->ne[1] * ith / nth; t < end; t += together) {
            const int64_t count = std::min(together, end - t);
            cpu::thin_expand(own, n, f32(a), cpu::thin_layout::n_fastest, f32(du) + t * r, r, n, r, count, 1.0f, false, 0, 1);
            cpu::dropout_apply(cpu::from_token(drop, t), f32(dst) + t * n, own, n, count, true, 0, 1);
        }
    });
}

ggml_tensor * cpu_dropout(graph & g, ggml_tensor * x, const cpu::dropout & drop) {
    x = contiguous(g, x);
    return node_like(g, "dropout", x, {x}, [x, drop](ggml_tensor * dst, int ith, int nth) {
        cpu::dropout_apply(drop, f32(dst), f32(x), x->ne[0], x->ne[1], false, ith, nth);
    });
}

ggml_tensor * cpu_cross_entropy(graph & g, ggml_tensor * logits, ggml_tensor * labels, float * loss_nats, const float * weights, bool with_grad,
                                float grad_scale, float softcap, bool for_product) {
    const bool packed_grads = for_product && cpu::fastest_product() == cpu::product_type::bf16;
    return node_inplace(g, "cross entropy", logits, {labels}, [=](ggml_tensor * dst, int ith, int nth) {
        const int32_t * ids = (const int32_t *) labels->data;
        if (with_grad && weights) { // each row has a factor of its own
            for (int64_t row = dst->ne[1] * ith / nth; row < dst->ne[1] * (ith + 1) / nth; row++) {
                cpu::cross_entropy(f32(dst) + row * stride_of(dst), stride_of(dst), ids + row, loss_nats + row, dst->ne[0], 1, grad_scale * weights[row], softcap, packed_grads, 0, 1);
            }
        } else if (with_grad) {
            cpu::cross_entropy(f32(dst), stride_of(dst), ids, loss_nats, dst->ne[0], dst->ne[1], grad_scale, softcap, packed_grads, ith, nth);
        } else {
            cpu::cross_entropy_loss(f32(dst), stride_of(dst), ids, loss_nats, dst->ne[0], dst->ne[1], softcap, ith, nth);
        }
    });
}

} // namespace forja
