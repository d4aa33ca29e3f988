// The fused CPU kernels that take a row at a time (gated activations, cross entropy, dropout, norm) against their scalar double-precision
// versions, on every instruction set that this machine has; those versions' gradients against central differences; and the same
// bits for any number of threads.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "ops/cpu/kernels.hpp"
#include "support/kernel-checks.hpp"

using namespace forja;
using namespace forja::cpu;
using namespace forja::test;

namespace {

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
            check_error(name + " forward", relative(h, want_h), 1e-6);
            check_error(name + " backward", relative(d, want_d), 3e-5);
        } else {
            check(same_bits(h, first_h) && same_bits(d, first_d), name + ": same bits for " + std::to_string(nth) + " threads");
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
            cross_entropy_loss(d.data(), n_vocab, labels.data(), loss_only.data(), n_vocab, n_rows, cap, ith, n);
        });
        const bool untouched = same_bits(d, logits);
        on_threads(nth, [&](int ith, int n) {
            cross_entropy(d.data(), n_vocab, labels.data(), loss.data(), n_vocab, n_rows, grad_scale, cap, false, ith, n);
        });
        if (nth == 1) {
            first = d;
            // exp to 2e-7; with a cap also tanh to 1e-6 times the cap, which exp turns into a relative error of 3e-5.
            // The gradient's largest element is up to sqrt(n_vocab) = 70 times the root mean square that it is measured
            // by.
            check_values(name + ": loss", loss, want_loss, cap > 0 ? 1e-5 : 1e-6);
            check_values(name + ": gradient", d, want_d, cap > 0 ? 1e-4 : 1e-5);
            check(untouched && same_bits(loss, loss_only), name + ": loss alone is the same");
        } else {
            check(same_bits(d, first), name + ": same bits for " + std::to_string(nth) + " threads");
        }
    }
    // Packed, in rows that lie apart: the same numbers as BF16.
    const int64_t         stride = logits_stride(n_vocab);
    std::vector<float>    apart(stride * n_rows), loss(n_rows);
    std::vector<uint16_t> rounded(activation_stride(product_type::bf16, n_vocab) * n_rows);
    for (int64_t row = 0; row < n_rows; ++row) {
        std::copy_n(logits.begin() + row * n_vocab, n_vocab, apart.begin() + row * stride);
    }
    on_threads(2, [&](int ith, int n) {
        cross_entropy(apart.data(), stride, labels.data(), loss.data(), n_vocab, n_rows, grad_scale, cap, true, ith, n);
    });
    pack_activations(rounded.data(), first.data(), n_vocab, n_vocab, n_rows, 0, 1);
    int64_t others = 0; // a label's own term is rounded once less on the way
    for (int64_t row = 0; row < n_rows; ++row) {
        const uint16_t * got = (const uint16_t *) (apart.data() + row * stride);
        for (int64_t i = 0; i <= n_vocab; ++i) { // and a zero behind
            others += got[i] != rounded[row * activation_stride(product_type::bf16, n_vocab) + i];
        }
    }
    check(others == 0, name + ": packed gradients are the same, rounded to BF16");
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
        cross_entropy(logits.data(), 100, &label, loss.data(), 100, 1, 1, 0, false, 0, 1);
        check(std::isnan(loss[0]), "cross_entropy: a logit that is not finite makes the loss NaN");
    }
}

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
        check_values(name + ": y", y, want_y, 2e-6);
        check_values(name + ": dx added", dx, want_sum, 2e-6);
        check_values(name + ": dx in place", dx_in_place, want_dx, 2e-6);
        check(same_bits(stored, sum) && same_bits(y, y_in_place), name + ": residual stored, y in place");
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

std::vector<uint64_t> token_ids(int64_t n_tokens) {
    std::vector<uint64_t> ids;
    for (int64_t t = 0; t < n_tokens; ++t) {
        ids.push_back(stream_key(7, t));
    }
    return ids;
}

void test_dropout() {
    const int64_t               n = 77, n_tokens = 9;
    const std::vector<uint64_t> ids = token_ids(n_tokens);
    const dropout               d   = dropout_of(0.3, 5, ids.data());
    generator                   g{41};
    const std::vector<float>    x = g.floats(n * n_tokens), before = g.floats(n * n_tokens);
    std::vector<float>          want, want_mask, want_sum;
    for (int64_t t = 0; t < n_tokens; ++t) {
        for (int64_t i = 0; i < n; ++i) {
            const size_t at = want.size();
            want_mask.push_back(reference::dropped(d, t, i) ? 0 : d.factor);
            want.push_back(want_mask[at] == 0 ? 0 : d.factor * x[at]);
            want_sum.push_back(before[at] + want[at]);
        }
    }
    for (const int nth : {1, 2, 5}) {
        std::vector<float> y(x.size()), mask(x.size()), sum = before, in_place = x;
        on_threads(nth, [&](int ith, int nt) {
            dropout_apply(d, y.data(), x.data(), n, n_tokens, false, ith, nt);
            dropout_apply(d, mask.data(), nullptr, n, n_tokens, false, ith, nt);
            dropout_apply(d, sum.data(), x.data(), n, n_tokens, true, ith, nt);
            dropout_apply(d, in_place.data(), in_place.data(), n, n_tokens, false, ith, nt);
        });
        check(same_bits(y, want) && same_bits(mask, want_mask) && same_bits(sum, want_sum) && same_bits(in_place, want),
              "dropout: the reference's bits with " + std::to_string(nth) + " threads");
    }
    std::vector<float> last(n);
    dropout_apply(from_token(d, n_tokens - 1), last.data(), x.data() + n * (n_tokens - 1), n, 1, false, 0, 1);
    check(same_bits(last, std::vector<float>(want.end() - n, want.end())), "dropout: a token alone loses the same elements");
}

// As often as asked for, and whether an element is dropped says nothing of its neighbours, of the same place in other tokens, or
// of the same token under another key. With 400,000 elements 5 standard errors are 0.008.
void test_dropout_is_random() {
    const int64_t               n = 1000, n_tokens = 400;
    const std::vector<uint64_t> ids = token_ids(n_tokens);
    for (const double p : {0.05, 0.5}) {
        auto mask_of = [&](uint64_t key) { // around zero, of variance one
            std::vector<float> mask(n * n_tokens);
            dropout_apply(dropout_of(p, key, ids.data()), mask.data(), nullptr, n, n_tokens, false, 0, 1);
            for (float & m : mask) {
                m = (float) ((m == 0 ? 1 - p : -p) / std::sqrt(p * (1 - p)));
            }
            return mask;
        };
        const std::vector<float> mask = mask_of(1), other = mask_of(2);
        auto correlation = [&](const std::vector<float> & with, int64_t shift) {
            double total = 0;
            for (int64_t i = 0; i + shift < n * n_tokens; ++i) {
                total += mask[i] * with[i + shift];
            }
            return std::fabs(total) / (double) (n * n_tokens);
        };
        const std::string name = "dropout " + std::to_string(p);
        double            mean = 0;
        for (const float m : mask) {
            mean += m;
        }
        check_error(name + ": how often", std::fabs(mean) / (double) (n * n_tokens), 0.008);
        for (const int64_t shift : {int64_t(1), int64_t(2), int64_t(4), int64_t(16), int64_t(64), n, 2 * n}) {
            check_error(name + ": with the element " + std::to_string(shift) + " further on", correlation(mask, shift), 0.008);
        }
        check_error(name + ": with another key's", correlation(other, 0), 0.008);
    }
}

// Against the formula in double; with whole vectors and a rest.
void test_adamw() {
    const int64_t            n = 1031;
    generator                g{61};
    const adamw_factors      f{0.01f, 0.9f, 0.99f, 1e-8f, 0.1f, 2.5f, 10.0f, 0.5f};
    const std::vector<float> w0 = g.floats(n), grads = g.floats(n), m0 = g.floats(n, 0.1f);
    std::vector<float>       v0 = g.floats(n, 0.1f), first;
    values                   want(n), want_m(n), want_v(n);
    for (int64_t i = 0; i < n; ++i) {
        v0[i]           = std::fabs(v0[i]);
        const double gi = (double) grads[i] * f.clip;
        want_m[i]       = (double) f.beta1 * m0[i] + (1 - (double) f.beta1) * gi;
        want_v[i]       = (double) f.beta2 * v0[i] + (1 - (double) f.beta2) * gi * gi;
        want[i] = w0[i] * (1 - (double) f.learning_rate * f.weight_decay) - f.learning_rate * want_m[i] * f.correction1 / (std::sqrt(want_v[i] * f.correction2) + f.epsilon);
    }
    for (const int nth : {1, 3}) {
        std::vector<float> w = w0, m = m0, v = v0;
        on_threads(nth, [&](int ith, int nt) { adamw(w.data(), grads.data(), m.data(), v.data(), n, f, ith, nt); });
        if (nth == 1) {
            first = w;
        }
        check_values("adamw: values", w, want, 1e-6);
        check_values("adamw: first moment", m, want_m, 1e-6);
        check_values("adamw: second moment", v, want_v, 2e-6); // 1 - beta2 in F32 is off by 1e-6 of itself
        check(same_bits(w, first), "adamw: same bits for " + std::to_string(nth) + " threads");
    }
}

void test_add_rows() {
    const int64_t            n = 77, n_rows = 5, apart = 80;
    generator                g{67};
    const std::vector<float> a = g.floats(apart * n_rows), b = g.floats(apart * n_rows);
    std::vector<float>       want = a, want_repeated = a;
    for (int64_t row = 0; row < n_rows; ++row) {
        for (int64_t i = 0; i < n; ++i) {
            want[row * apart + i] += b[row * n + i];
            want_repeated[row * apart + i] += b[i];
        }
    }
    for (const int nth : {1, 3}) {
        std::vector<float> sum = a, repeated = a;
        on_threads(nth, [&](int ith, int nt) {
            add_rows(sum.data(), sum.data(), apart, b.data(), n, n, n_rows, ith, nt);
            add_rows(repeated.data(), a.data(), apart, b.data(), 0, n, n_rows, ith, nt);
        });
        check(same_bits(sum, want) && same_bits(repeated, want_repeated), "add_rows: plain sums, nothing between rows is touched");
    }
}

void test_all() {
    test_adamw();
    test_add_rows();
    test_dropout();
    test_dropout_is_random();
    test_glu(glu_kind::silu);
    test_glu(glu_kind::gelu_tanh);
    test_cross_entropy(101, 5, 0);
    test_cross_entropy(101, 5, 3);
    test_cross_entropy(5003, 1e4f, 0);
    test_cross_entropy(5003, 60, 30);
    test_cross_entropy_not_finite();
    test_rms_norm(64);
    test_rms_norm(2051);
}

} // namespace

int main() {
    on_every_isa(test_all);
    return result();
}
