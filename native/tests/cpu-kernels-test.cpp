// The fused CPU kernels against their scalar double-precision versions, on every instruction set that this machine has;
// those versions' gradients against central differences; and the same bits for any number of threads.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "ggml.h"
#include "ops/cpu/kernels.hpp"
#include "ops/cpu/reference.hpp"

using namespace forja::cpu;
using reference::values;

namespace {

int failures = 0;

void report(bool good, const std::string & what, double error, double tolerance) {
    std::printf("%s %-70s error %.2e (at most %.0e)\n", good ? "ok  " : "FAIL", what.c_str(), error, tolerance);
    failures += !good;
}

/// Largest |a - b| relative to the reference's root mean square: one figure for a whole tensor, with zeros in it or
/// not.
double deviation(const std::vector<float> & got, const values & want) {
    double square = 0, worst = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        square += want[i] * want[i];
        const double error = std::fabs(got[i] - want[i]);
        worst              = error <= worst ? worst : error; // a NaN stays
    }
    return want.empty() ? 0 : worst / std::max(std::sqrt(square / want.size()), 1e-30);
}

void check(const std::string & what, const std::vector<float> & got, const values & want, double tolerance) {
    const double error = deviation(got, want);
    report(error <= tolerance, what, error, tolerance);
}

/// Root mean square of the error, relative to the reference's: for BF16, where a single worst element says little.
void check_mean(const std::string & what, const std::vector<float> & got, const values & want, double tolerance) {
    double square = 0, error = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        square += want[i] * want[i];
        error += (got[i] - want[i]) * (got[i] - want[i]);
    }
    const double relative = std::sqrt(error / square);
    report(relative <= tolerance, what, relative, tolerance);
}

void check_that(const std::string & what, bool good) { report(good, what, good ? 0 : 1, 0); }

/// A small fixed generator: the same numbers on every platform.
struct generator {
    uint64_t state;
    float    uniform() { // (-1, 1)
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        return (float) ((int64_t) (state >> 33) - (1ll << 30)) / (float) (1ll << 30);
    }
    std::vector<float> floats(int64_t n, float size = 1) {
        std::vector<float> v(n);
        for (float & x : v) {
            x = size * uniform();
        }
        return v;
    }
};

values widened(const std::vector<float> & v) { return values(v.begin(), v.end()); }

/// fn(ith, nth) for every ith, on threads of their own.
void on_threads(int nth, const std::function<void(int, int)> & fn) {
    std::vector<std::thread> threads;
    for (int ith = 0; ith < nth; ++ith) {
        threads.emplace_back(fn, ith, nth);
    }
    for (std::thread & t : threads) {
        t.join();
    }
}

bool same_bits(const std::vector<float> & a, const std::vector<float> & b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// ---------------------------------------------------------------------------------------------------------------------

struct attention_case {
    int64_t              head_dim, n_head, n_head_kv;
    std::vector<int32_t> seq_start;
    float                softcap;
    int32_t              n_swa;
    product_type         type = product_type::f32;

    attention_shape shape() const {
        return {head_dim, n_head, n_head_kv, seq_start.back(), (int32_t) seq_start.size() - 1, seq_start.data(),
                1.0f / std::sqrt((float) head_dim), softcap, n_swa, type};
    }
    std::string name() const {
        std::string s = "D " + std::to_string(head_dim) + ", heads " + std::to_string(n_head) + "/" +
                        std::to_string(n_head_kv) + ", T";
        for (size_t i = 1; i < seq_start.size(); ++i) {
            s += " " + std::to_string(seq_start[i] - seq_start[i - 1]);
        }
        return (type == product_type::bf16 ? "bf16 " : "") + s + (softcap > 0 ? ", cap" : "") +
               (n_swa > 0 ? ", window " + std::to_string(n_swa) : "");
    }
};

struct attention_run {
    std::vector<float> out, lse, dq, dk, dv;
};

attention_run run_attention(const attention_shape & s, const std::vector<float> & q, const std::vector<float> & k,
                            const std::vector<float> & v, const std::vector<float> & d_out, int nth, bool with_queue) {
    const float        stale = 12345; // no output may depend on what was there
    attention_run      r     = {std::vector<float>(q.size(), stale), std::vector<float>(s.n_head * s.n_tokens, stale),
                                std::vector<float>(q.size(), stale), std::vector<float>(k.size(), stale),
                                std::vector<float>(v.size(), stale)};
    std::vector<float> partial(attention_backward_partial_bytes(s) / sizeof(float), NAN);
    const size_t       bytes = std::max(attention_forward_scratch_bytes(s), attention_backward_scratch_bytes(s));
    std::vector<std::vector<float>> scratch(nth, std::vector<float>(bytes / sizeof(float) + 1, NAN));
    work_queue                      queue;
    work_queue *                    used = with_queue ? &queue : nullptr;
    on_threads(nth, [&](int ith, int n) {
        attention_forward(s, q.data(), k.data(), v.data(), r.out.data(), r.lse.data(), scratch[ith].data(), used, ith, n);
    });
    on_threads(nth, [&](int ith, int n) {
        attention_backward(s, q.data(), k.data(), v.data(), r.out.data(), r.lse.data(), d_out.data(), r.dq.data(),
                           r.dk.data(), r.dv.data(), partial.data(), scratch[ith].data(), used, ith, n);
    });
    on_threads(nth, [&](int ith, int n) { attention_backward_reduce(s, r.dq.data(), partial.data(), ith, n); });
    if (queue.next != 0) {
        check_that("a work queue is ready for its next use", false);
    }
    return r;
}

void test_attention(const attention_case & c) {
    const attention_shape    s = c.shape();
    generator                g{7};
    const std::vector<float> q     = g.floats(s.head_dim * s.n_head * s.n_tokens, 3);
    const std::vector<float> k     = g.floats(s.head_dim * s.n_head_kv * s.n_tokens, 3);
    const std::vector<float> v     = g.floats(s.head_dim * s.n_head_kv * s.n_tokens);
    const std::vector<float> d_out = g.floats(s.head_dim * s.n_head * s.n_tokens);
    values                   out, lse, dq, dk, dv;
    reference::attention_forward(s, widened(q), widened(k), widened(v), out, lse);
    reference::attention_backward(s, widened(q), widened(k), widened(v), out, lse, widened(d_out), dq, dk, dv);

    const attention_run one  = run_attention(s, q, k, v, d_out, 1, false);
    const std::string   name = "attention " + c.name();
    if (c.type == product_type::bf16) {
        // Rounding q and k (2^-9 each) moves logits of size 10 by about 1e-2, and so the probabilities.
        check_mean(name + ": out", one.out, out, 1e-2);
        check_mean(name + ": lse", one.lse, lse, 1e-2);
        check_mean(name + ": dq", one.dq, dq, 2e-2);
        check_mean(name + ": dk", one.dk, dk, 2e-2);
        check_mean(name + ": dv", one.dv, dv, 2e-2);
    } else {
        // Sums of up to some hundred products, 1e-7 each; the largest element is about ten times the root mean square.
        check(name + ": out", one.out, out, 1e-5);
        check(name + ": lse", one.lse, lse, 1e-5);
        check(name + ": dq", one.dq, dq, 3e-5);
        check(name + ": dk", one.dk, dk, 3e-5);
        check(name + ": dv", one.dv, dv, 3e-5);
    }

    bool same = true;
    for (const int nth : {2, 3, 16}) {
        for (const bool with_queue : {false, true}) {
            const attention_run more = run_attention(s, q, k, v, d_out, nth, with_queue);
            same = same && same_bits(one.out, more.out) && same_bits(one.lse, more.lse) && same_bits(one.dq, more.dq) &&
                   same_bits(one.dk, more.dk) && same_bits(one.dv, more.dv);
        }
    }
    check_that(name + ": same bits for 1, 2, 3, 16 threads", same);
}

/// Central differences of `loss` over `x`, compared with `gradient` at every `stride`-th element. In double, with a
/// step of 1e-5: the truncation error is about 1e-10, the rounding error about 1e-11.
void check_differences(const std::string & what, values x, const values & gradient,
                       const std::function<double(const values &)> & loss, size_t stride = 1) {
    double worst = 0, size = 0;
    for (size_t i = 0; i < x.size(); i += stride) {
        const double kept = x[i], step = 1e-5;
        x[i]              = kept + step;
        const double up   = loss(x);
        x[i]              = kept - step;
        const double down = loss(x);
        x[i]              = kept;
        worst             = std::max(worst, std::fabs((up - down) / (2 * step) - gradient[i]));
        size              = std::max(size, std::fabs(gradient[i]));
    }
    report(worst <= 1e-7 * size, what, worst / size, 1e-7);
}

void test_attention_reference() {
    for (const float cap : {0.0f, 2.0f}) {
        const attention_case  c = {5, 4, 2, {0, 6, 7, 11}, cap, 4};
        const attention_shape s = c.shape();
        generator             g{3};
        values q = widened(g.floats(5 * 4 * 11, 2)), k = widened(g.floats(5 * 2 * 11, 2)),
               v = widened(g.floats(5 * 2 * 11)), d_out = widened(g.floats(5 * 4 * 11)), out, lse, dq, dk, dv;
        reference::attention_forward(s, q, k, v, out, lse);
        reference::attention_backward(s, q, k, v, out, lse, d_out, dq, dk, dv);
        const auto loss = [&](const values & q1, const values & k1, const values & v1) {
            values o, l;
            reference::attention_forward(s, q1, k1, v1, o, l);
            double total = 0;
            for (size_t i = 0; i < o.size(); ++i) {
                total += o[i] * d_out[i];
            }
            return total;
        };
        const std::string name = cap > 0 ? "reference attention, cap: " : "reference attention: ";
        check_differences(name + "dq", q, dq, [&](const values & x) { return loss(x, k, v); });
        check_differences(name + "dk", k, dk, [&](const values & x) { return loss(q, x, v); });
        check_differences(name + "dv", v, dv, [&](const values & x) { return loss(q, k, x); });
    }
}

// ---------------------------------------------------------------------------------------------------------------------

void test_glu(glu_kind kind) {
    const int64_t     n_ff = 77, n_tokens = 9, stride = 2 * n_ff; // gate and up side by side in one tensor
    const std::string name = kind == glu_kind::silu ? "silu" : "gelu_tanh";
    generator         g{11};
    std::vector<float> both = g.floats(stride * n_tokens, 9), d_h = g.floats(n_ff * n_tokens);
    both[0] = 1e4f, both[1] = -1e4f, both[2] = 0, both[3] = 90, both[4] = -90, both[5] = 1e-20f; // far out and tiny
    const std::vector<float> h0(n_ff * n_tokens, 5);
    values                   want_h(h0.size()), want_d(both.size());
    for (int64_t t = 0; t < n_tokens; ++t) {
        for (int64_t i = 0; i < n_ff; ++i) {
            const double gate = both[t * stride + i], up = both[t * stride + n_ff + i];
            want_h[t * n_ff + i]          = reference::activation(kind, gate) * up;
            want_d[t * stride + i]        = d_h[t * n_ff + i] * up * reference::activation_slope(kind, gate);
            want_d[t * stride + n_ff + i] = d_h[t * n_ff + i] * reference::activation(kind, gate);
        }
    }
    // Element by element, since a few are huge.
    const auto relative = [](const std::vector<float> & got, const values & want) {
        double worst = 0;
        for (size_t i = 0; i < want.size(); ++i) {
            const double e = std::fabs(got[i] - want[i]) / std::max(std::fabs(want[i]), 1e-3);
            worst          = e <= worst ? worst : e;
        }
        return worst;
    };
    std::vector<float> first_h, first_d;
    for (const int nth : {1, 2, 5}) {
        std::vector<float> h = h0, d = both; // gradients in place over gate and up
        on_threads(nth, [&](int ith, int n) {
            glu_forward(kind, both.data(), both.data() + n_ff, stride, h.data(), n_ff, n_tokens, ith, n);
        });
        on_threads(nth, [&](int ith, int n) {
            glu_backward(kind, d.data(), d.data() + n_ff, stride, d_h.data(), d.data(), d.data() + n_ff, n_ff, n_tokens,
                         ith, n);
        });
        if (nth == 1) {
            first_h = h, first_d = d;
            // A slope is a difference of terms up to ten times its size near its zero.
            report(relative(h, want_h) <= 1e-6, name + " forward", relative(h, want_h), 1e-6);
            report(relative(d, want_d) <= 3e-5, name + " backward", relative(d, want_d), 3e-5);
        } else {
            check_that(name + ": same bits for " + std::to_string(nth) + " threads",
                       same_bits(h, first_h) && same_bits(d, first_d));
        }
    }
    values at, slope;
    for (double x = -4; x < 4; x += 0.37) {
        at.push_back(x);
        slope.push_back(reference::activation_slope(kind, x));
    }
    check_differences("reference " + name, at, slope, [&](const values & x) {
        double total = 0;
        for (const double g1 : x) {
            total += reference::activation(kind, g1);
        }
        return total;
    });
}

// ---------------------------------------------------------------------------------------------------------------------

void test_cross_entropy(int64_t n_vocab, float size, float cap) {
    const int64_t            n_rows = 7;
    generator                g{13};
    const std::vector<float> logits = g.floats(n_vocab * n_rows, size);
    std::vector<int32_t>     labels(n_rows);
    for (int64_t row = 0; row < n_rows; ++row) {
        labels[row] = (int32_t) ((row * 7919 + 3) % n_vocab);
    }
    labels[1]              = -1; // ignored
    labels[2]              = (int32_t) n_vocab - 1;
    const float grad_scale = 0.125f;
    values      want_loss(n_rows, 0), want_d(logits.size(), 0);
    const values wide = widened(logits);
    for (int64_t row = 0; row < n_rows; ++row) {
        if (labels[row] >= 0) {
            want_loss[row] = reference::cross_entropy_row(wide.data() + row * n_vocab, n_vocab, labels[row], cap,
                                                          want_d.data() + row * n_vocab);
        }
    }
    for (double & d : want_d) {
        d *= grad_scale;
    }
    const std::string name = "cross_entropy vocab " + std::to_string(n_vocab) + ", logits to " +
                             std::to_string((int) size) + (cap > 0 ? ", cap" : "");
    std::vector<float> first;
    for (const int nth : {1, 2, 9}) {
        std::vector<float> d = logits, loss(n_rows, NAN), loss_only(n_rows, NAN);
        on_threads(nth, [&](int ith, int n) {
            cross_entropy_loss(d.data(), labels.data(), loss_only.data(), n_vocab, n_rows, cap, ith, n);
        });
        const bool untouched = same_bits(d, logits);
        on_threads(nth, [&](int ith, int n) {
            cross_entropy(d.data(), labels.data(), loss.data(), n_vocab, n_rows, grad_scale, cap, ith, n);
        });
        if (nth == 1) {
            first = d;
            // exp to 2e-7; with a cap also tanh to 1e-6 times the cap, which exp turns into a relative error of 3e-5.
            // The gradient's largest element is up to sqrt(n_vocab) = 70 times the root mean square that it is measured
            // by.
            check(name + ": loss", loss, want_loss, cap > 0 ? 1e-5 : 1e-6);
            check(name + ": gradient", d, want_d, cap > 0 ? 1e-4 : 1e-5);
            check_that(name + ": loss alone is the same", untouched && same_bits(loss, loss_only));
        } else {
            check_that(name + ": same bits for " + std::to_string(nth) + " threads", same_bits(d, first));
        }
    }
    if (n_vocab < 200 && size < 10) {
        values x(wide.begin(), wide.begin() + n_vocab), gradient(n_vocab);
        reference::cross_entropy_row(x.data(), n_vocab, labels[0], cap, gradient.data());
        check_differences("reference " + name, x, gradient, [&](const values & l) {
            return reference::cross_entropy_row(l.data(), n_vocab, labels[0], cap, nullptr);
        });
    }
}

void test_cross_entropy_not_finite() {
    for (const float bad : {NAN, INFINITY}) {
        std::vector<float> logits(100, 1.0f), loss(1);
        logits[37]          = bad;
        const int32_t label = 5;
        cross_entropy(logits.data(), &label, loss.data(), 100, 1, 1, 0, 0, 1);
        check_that("cross_entropy: a logit that is not finite makes the loss NaN", std::isnan(loss[0]));
    }
}

// ---------------------------------------------------------------------------------------------------------------------

/// A toy quantisation: blocks of 32 bytes and a scale, like Q8_0 but with a plain float.
struct toy_block {
    float  scale;
    int8_t value[32];
};

void toy_to_float(const void * src, float * dst, int64_t n) {
    const toy_block * blocks = (const toy_block *) src;
    for (int64_t i = 0; i < n; ++i) {
        dst[i] = blocks[i / 32].scale * blocks[i / 32].value[i % 32];
    }
}

enum class toy_kind {
    floats,
    small_blocks, // of 32 values: the toy above
    large_blocks, // of 256 values, which reach over several panels: ggml's Q4_K
};

const char * name_of(toy_kind kind) {
    return kind == toy_kind::floats ? "F32" : kind == toy_kind::small_blocks ? "blocks" : "Q4_K";
}

/// A random weight: its rows as a kernel takes them, and as plain floats.
struct toy_weight {
    std::vector<toy_block> blocks;
    std::vector<char>      q4_k;
    std::vector<float>     plain;
    weight_rows            rows;

    toy_weight(int64_t n_in, int64_t n_out, toy_kind kind) {
        generator g{17};
        plain = g.floats(n_in * n_out);
        rows  = {plain.data(), n_in, n_out, n_in * sizeof(float), 1, nullptr};
        if (kind == toy_kind::small_blocks) {
            blocks.resize(n_in / 32 * n_out);
            for (size_t i = 0; i < blocks.size(); ++i) {
                blocks[i].scale = 0.01f * g.uniform();
                for (int8_t & v : blocks[i].value) {
                    v = (int8_t) (127 * g.uniform());
                }
                toy_to_float(&blocks[i], plain.data() + i * 32, 32);
            }
            rows = {blocks.data(), n_in, n_out, n_in / 32 * sizeof(toy_block), 32, toy_to_float};
        } else if (kind == toy_kind::large_blocks) {
            const to_float_fn to_float = ggml_get_type_traits(GGML_TYPE_Q4_K)->to_float;
            q4_k.resize(ggml_row_size(GGML_TYPE_Q4_K, n_in) * n_out);
            ggml_quantize_chunk(GGML_TYPE_Q4_K, plain.data(), q4_k.data(), 0, n_out, n_in, nullptr);
            to_float(q4_k.data(), plain.data(), n_in * n_out);
            rows = {q4_k.data(), n_in, n_out, ggml_row_size(GGML_TYPE_Q4_K, n_in), 256, to_float};
        }
    }
};

void test_dequantise(int64_t n_in, int64_t n_out, toy_kind kind) {
    const toy_weight           toy(n_in, n_out, kind);
    const weight_rows &        w     = toy.rows;
    const std::vector<float> & plain = toy.plain;
    const int64_t begin = n_out > 40 ? 5 : 0, end = n_out > 40 ? n_out - 2 : n_out, rows = end - begin,
                  stride = rows + 3;
    const std::string name = std::string("dequantise ") + name_of(kind) + " [" + std::to_string(n_in) +
                             ", " + std::to_string(n_out) + "]";
    for (const int nth : {1, 2, 7}) {
        std::vector<uint16_t> w_t(stride * n_in, 0xabcd), straight(rows * n_in, 0xabcd);
        on_threads(nth, [&](int ith, int n) {
            std::vector<char> scratch(dequantise_scratch_bytes(w));
            dequantise_transpose(w, begin, end, w_t.data(), stride, scratch.data(), ith, n);
            dequantise(w, begin, end, straight.data(), scratch.data(), ith, n);
        });
        bool good = true;
        for (int64_t i = 0; i < n_in; ++i) {
            for (int64_t o = 0; o < stride; ++o) {
                const uint16_t want = o < rows ? reference::to_bf16(plain[(begin + o) * n_in + i]) : 0xabcd;
                good                = good && w_t[i * stride + o] == want;
                good                = good && (o >= rows || straight[o * n_in + i] == want);
            }
        }
        check_that(name + ", " + std::to_string(nth) + " threads", good);
    }
}

// ---------------------------------------------------------------------------------------------------------------------

void test_stored_types() {
    const struct {
        stored_type type;
        ggml_type   same;
    } types[] = {{stored_type::f16, GGML_TYPE_F16},   {stored_type::q4_0, GGML_TYPE_Q4_0}, {stored_type::q4_1, GGML_TYPE_Q4_1},
                 {stored_type::q5_0, GGML_TYPE_Q5_0}, {stored_type::q5_1, GGML_TYPE_Q5_1}, {stored_type::q6_k, GGML_TYPE_Q6_K}};
    const int64_t            n = 1024;
    generator                g{31};
    const std::vector<float> x = g.floats(n, 4);
    for (const auto & [type, same] : types) {
        const to_float_fn fast = fast_to_float(type);
        if (!fast) {
            continue;
        }
        std::vector<char>  stored(ggml_row_size(same, n));
        std::vector<float> want(n), got(n);
        ggml_quantize_chunk(same, x.data(), stored.data(), 0, 1, n, nullptr);
        ggml_get_type_traits(same)->to_float(stored.data(), want.data(), n);
        fast(stored.data(), got.data(), n);
        // One rounding apart at most: a fused multiply-add, or another order of two products.
        check(std::string("fast_to_float ") + ggml_type_name(same), got, widened(want), 1e-6);
    }
}

void test_weight_product(int64_t n_in, int64_t n_out, int64_t n_tokens, toy_kind kind) {
    const toy_weight toy(n_in, n_out, kind);
    generator        g{29};
    for (const product_type type : {product_type::f32, product_type::bf16}) {
        if (type == product_type::bf16 && fastest_product() != product_type::bf16) {
            continue;
        }
        for (const bool transposed : {false, true}) {
            const int64_t            n = transposed ? n_out : n_in, m = transposed ? n_in : n_out, y_stride = m + 3;
            const std::vector<float> x = g.floats(n * n_tokens), start = g.floats(y_stride * n_tokens);
            const int64_t            stride = activation_stride(type, n);
            std::vector<uint16_t>    packed(activation_stride(product_type::bf16, n) * n_tokens, 0xffff);
            // The same rounding as the kernel's, so that only the order of sums differs.
            const auto rounded = [&](const std::vector<float> & v) {
                values r = widened(v);
                for (size_t i = 0; i < r.size() && type == product_type::bf16; ++i) {
                    r[i] = reference::from_bf16(reference::to_bf16(v[i]));
                }
                return r;
            };
            const values product =
                reference::weight_product(rounded(toy.plain), transposed, rounded(x), n_in, n_out, n_tokens);
            const std::string name = std::string("weight_product ") + (type == product_type::f32 ? "f32 " : "bf16 ") +
                                     (transposed ? "transposed " : "") + name_of(kind) + " [" +
                                     std::to_string(n_in) + ", " + std::to_string(n_out) + "] T " + std::to_string(n_tokens);
            std::vector<float> first;
            for (const int nth : {1, 2, 7}) {
                std::vector<float> y = start, added = start;
                on_threads(nth, [&](int ith, int nt) {
                    pack_activations(packed.data(), x.data(), n, n, n_tokens, ith, nt);
                });
                const void * operand = type == product_type::f32 ? (const void *) x.data() : packed.data();
                on_threads(nth, [&](int ith, int nt) {
                    std::vector<char> scratch(weight_product_scratch_bytes(toy.rows), (char) 0xff);
                    weight_product(type, y.data(), y_stride, toy.rows, transposed, operand, stride, n_tokens, false,
                                   scratch.data(), ith, nt);
                    weight_product(type, added.data(), y_stride, toy.rows, transposed, operand, stride, n_tokens, true,
                                   scratch.data(), ith, nt);
                });
                values want(2 * start.size());
                for (size_t i = 0; i < start.size(); ++i) {
                    const size_t t = i / y_stride, o = i % y_stride;
                    want[i]                = o < (size_t) m ? product[t * m + o] : start[i]; // nothing behind outputs
                    want[start.size() + i] = o < (size_t) m ? start[i] + product[t * m + o] : start[i];
                }
                y.insert(y.end(), added.begin(), added.end());
                if (nth == 1) {
                    first = y;
                    check(name, y, want, 2e-5);
                } else {
                    check_that(name + ": same bits for " + std::to_string(nth) + " threads", same_bits(first, y));
                }
            }
        }
    }
}

void test_thin(int64_t n, int64_t r, int64_t n_tokens) {
    generator                g{19};
    const std::vector<float> x = g.floats(n * n_tokens), small = g.floats(r * n_tokens), m = g.floats(n * r),
                             start = g.floats(std::max({n * r, n * n_tokens, r * n_tokens}));
    const std::string name = "n " + std::to_string(n) + ", r " + std::to_string(r) + ", T " + std::to_string(n_tokens);
    const float       scale = 0.75f;

    // What the kernels added to (or wrote over) `start`, on several threads, as [accumulated | overwritten].
    const auto run = [&](int64_t size, const std::function<void(float *, bool, int, int)> & kernel, bool * same) {
        std::vector<float> first;
        for (const int nth : {1, 2, 5}) {
            std::vector<float> got(start.begin(), start.begin() + size), fresh = got;
            on_threads(nth, [&](int ith, int nt) {
                kernel(got.data(), true, ith, nt);
                kernel(fresh.data(), false, ith, nt);
            });
            got.insert(got.end(), fresh.begin(), fresh.end());
            if (nth == 1) {
                first = got;
            }
            *same = same_bits(first, got);
        }
        return first;
    };
    const auto expect = [&](const values & product) {
        values want(2 * product.size());
        for (size_t i = 0; i < product.size(); ++i) {
            want[i]                  = start[i] + scale * product[i];
            want[product.size() + i] = scale * product[i];
        }
        return want;
    };
    bool same = false;
    // F32 sums over at most a few hundred terms.
    const double tolerance = 2e-5;

    values     outer = reference::outer(widened(x), widened(small), n, r, n_tokens);
    const auto added = [&](const std::vector<float> & both) {
        return std::vector<float>(both.begin(), both.begin() + n * r);
    };
    const auto first_half = [&](const values & both) { return values(both.begin(), both.begin() + n * r); };
    std::vector<float> got = run(n * r, [&](float * acc, bool accumulate, int ith, int nth) {
        if (accumulate) {
            outer_accumulate_wide(acc, x.data(), n, small.data(), r, n, r, n_tokens, scale, ith, nth);
        }
    }, &same);
    check("outer_accumulate_wide " + name, added(got), first_half(expect(outer)), tolerance);
    check_that("outer_accumulate_wide " + name + ": same bits", same);
    values turned(outer.size());
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < r; ++j) {
            turned[i * r + j] = outer[j * n + i];
        }
    }
    got = run(n * r, [&](float * acc, bool accumulate, int ith, int nth) {
        if (accumulate) {
            outer_accumulate_thin(acc, x.data(), n, small.data(), r, n, r, n_tokens, scale, ith, nth);
        }
    }, &same);
    check("outer_accumulate_thin " + name, added(got), first_half(expect(turned)), tolerance);
    check_that("outer_accumulate_thin " + name + ": same bits", same);

    for (const thin_layout layout : {thin_layout::n_fastest, thin_layout::r_fastest}) {
        const std::string which = layout == thin_layout::n_fastest ? " n_fastest " : " r_fastest ";
        got = run(r * n_tokens, [&](float * dst, bool accumulate, int ith, int nth) {
            thin_reduce(dst, r, m.data(), layout, x.data(), n, n, r, n_tokens, scale, accumulate, ith, nth);
        }, &same);
        check("thin_reduce" + which + name, got,
              expect(reference::thin_reduce(widened(m), layout, widened(x), n, r, n_tokens)), tolerance);
        check_that("thin_reduce" + which + name + ": same bits", same);
        got = run(n * n_tokens, [&](float * dst, bool accumulate, int ith, int nth) {
            thin_expand(dst, n, m.data(), layout, small.data(), r, n, r, n_tokens, scale, accumulate, ith, nth);
        }, &same);
        check("thin_expand" + which + name, got,
              expect(reference::thin_expand(widened(m), layout, widened(small), n, r, n_tokens)), tolerance);
        check_that("thin_expand" + which + name + ": same bits", same);
    }
}

// ---------------------------------------------------------------------------------------------------------------------

void test_rms_norm(int64_t n) {
    const int64_t            n_tokens = 5;
    const float              eps      = 1e-5f;
    generator                g{23};
    const std::vector<float> a = g.floats(n * n_tokens), b = g.floats(n * n_tokens), w = g.floats(n),
                             dy = g.floats(n * n_tokens), before = g.floats(n * n_tokens);
    std::vector<float> sum(a.size());
    for (size_t i = 0; i < sum.size(); ++i) {
        sum[i] = a[i] + b[i];
    }
    const values x = widened(sum), ww = widened(w), wdy = widened(dy);
    values       want_y(x.size()), want_dx(x.size());
    for (int64_t t = 0; t < n_tokens; ++t) {
        reference::rms_norm_row(&x[t * n], ww.data(), n, eps, &want_y[t * n]);
        reference::rms_norm_backward_row(&x[t * n], ww.data(), &wdy[t * n], n, eps, &want_dx[t * n]);
    }
    const std::string name = "rms_norm n " + std::to_string(n);
    for (const int nth : {1, 3}) {
        std::vector<float> y(a.size()), stored(a.size()), dx = before, dx_in_place = dy, y_in_place = a;
        on_threads(nth, [&](int ith, int nt) {
            rms_norm_forward(y.data(), stored.data(), a.data(), b.data(), w.data(), n, n_tokens, eps, ith, nt);
            rms_norm_forward(y_in_place.data(), nullptr, y_in_place.data(), b.data(), w.data(), n, n_tokens, eps, ith,
                             nt);
            rms_norm_backward(dx.data(), sum.data(), w.data(), dy.data(), n, n_tokens, eps, true, ith, nt);
            rms_norm_backward(dx_in_place.data(), sum.data(), w.data(), dx_in_place.data(), n, n_tokens, eps, false, ith,
                              nt);
        });
        values want_sum = want_dx;
        for (size_t i = 0; i < want_sum.size(); ++i) {
            want_sum[i] += before[i];
        }
        check(name + ": y", y, want_y, 2e-6);
        check(name + ": dx added", dx, want_sum, 2e-6);
        check(name + ": dx in place", dx_in_place, want_dx, 2e-6);
        check_that(name + ": residual stored, y in place", same_bits(stored, sum) && same_bits(y, y_in_place));
    }
    if (n < 100) {
        const values x0(x.begin(), x.begin() + n);
        const values dx0(want_dx.begin(), want_dx.begin() + n);
        check_differences("reference " + name, x0, dx0, [&](const values & v) {
            values y(n);
            reference::rms_norm_row(v.data(), ww.data(), n, eps, y.data());
            double total = 0;
            for (int64_t i = 0; i < n; ++i) {
                total += y[i] * wdy[i];
            }
            return total;
        });
    }
}

void test_all() {
    const std::vector<attention_case> cases = {
        {64, 9, 3, {0, 150}, 0, 0},                // SmolLM2's heads; a sequence that ends inside a tile
        {64, 2, 2, {0, 64, 65, 65, 200}, 0, 0},    // several sequences, one of a single token, one empty
        {64, 4, 1, {0, 130}, 0, 37},               // a window
        {16, 4, 2, {0, 33}, 2.5f, 0},              // a soft cap
        {32, 4, 4, {0, 70, 97}, 2.5f, 20},         // both
        {80, 2, 1, {0, 67}, 0, 0},
        {96, 2, 2, {0, 66}, 0, 0},
        {128, 4, 1, {0, 65}, 0, 0},
        {256, 4, 1, {0, 20, 85}, 0, 16},           // Gemma 3's
        {5, 3, 1, {0, 11, 40}, 0, 0},              // no whole vector
        {72, 2, 1, {0, 19}, 0, 2},                 // a window smaller than any vector
        {64, 1, 1, {0, 600}, 0, 0},                // more key tiles than chunks
    };
    for (const attention_case & c : cases) {
        test_attention(c);
        if (fastest_product() == product_type::bf16) {
            attention_case rounded = c;
            rounded.type           = product_type::bf16;
            test_attention(rounded);
        }
    }
    test_glu(glu_kind::silu);
    test_glu(glu_kind::gelu_tanh);
    test_cross_entropy(101, 5, 0);
    test_cross_entropy(101, 5, 3);
    test_cross_entropy(5003, 1e4f, 0);
    test_cross_entropy(5003, 60, 30);
    test_cross_entropy_not_finite();
    test_dequantise(64, 32, toy_kind::small_blocks);
    test_dequantise(576, 97, toy_kind::small_blocks);
    test_dequantise(300, 45, toy_kind::floats);
    test_dequantise(17, 3, toy_kind::floats);
    test_stored_types();
    test_dequantise(512, 40, toy_kind::large_blocks);
    test_weight_product(64, 64, 13, toy_kind::small_blocks);
    test_weight_product(768, 70, 13, toy_kind::large_blocks);
    test_weight_product(320, 200, 61, toy_kind::small_blocks);   // neither a whole panel nor a whole slice
    test_weight_product(301, 150, 50, toy_kind::floats);  // odd sums
    test_weight_product(19, 7, 3, toy_kind::floats);
    test_thin(200, 16, 150);
    test_thin(65, 5, 300);
    test_thin(130, 70, 33);
    test_thin(3, 1, 1);
    test_rms_norm(64);
    test_rms_norm(2051);
}

} // namespace

int main() {
    test_attention_reference();
    for (const isa which : {isa::baseline, isa::avx2, isa::avx512, isa::avx512_bf16}) {
        if (use_isa(which)) {
            std::printf("--- %s\n", isa_name(which));
            test_all();
        } else {
            std::printf("--- %s: not on this machine\n", isa_name(which));
        }
    }
    std::printf(failures ? "%d failed\n" : "all good\n", failures);
    return failures ? 1 : 0;
}
