// Short convolutions and gated delta nets in chunks against their definitions, token by token in double, on every instruction set that
// this machine has; their gradients against central differences of those; and nothing that goes from one row to another.
#include <algorithm>
#include <cmath>

#include "ops/cpu/kernels.hpp"
#include "support/kernel-checks.hpp"

using namespace forja;
using namespace forja::cpu;
using namespace forja::test;

namespace {

double silu_of(double x) { return x / (1 + std::exp(-x)); }

struct conv_case {
    short_conv_shape s;
    std::string      name;

    double loss(const values & x, const std::vector<float> & taps, const std::vector<float> & g, values * y = nullptr) const {
        double total = 0;
        for (int64_t row = 0; row < s.n_seq; row++) {
            for (int64_t t = s.seq_start[row]; t < s.seq_start[row + 1]; t++) {
                for (int64_t c = 0; c < s.n; c++) {
                    double z = 0;
                    for (int64_t j = 0; j < s.n_taps; j++) {
                        const int64_t from = t - (s.n_taps - 1) + j;
                        z += from >= s.seq_start[row] ? taps[j * s.n + c] * x[from * s.n + c] : 0;
                    }
                    z = s.has_silu ? silu_of(z) : z;
                    total += z * g[t * s.n + c];
                    if (y) {
                        (*y)[t * s.n + c] = z;
                    }
                }
            }
        }
        return total;
    }
};

void test_conv(int64_t n, int64_t n_taps, bool has_silu) {
    const int32_t   starts[] = {0, 1, 3, 12};
    const conv_case c{{n, n_taps, 3, starts, has_silu}, "convolution of " + std::to_string(n_taps) + (has_silu ? ", silu" : "")};
    generator       g{5};
    const auto      x = g.floats(n * 12), taps = g.floats(n * n_taps), dy = g.floats(n * 12);
    values          want(x.size());
    c.loss(widened(x), taps, dy, &want);
    std::vector<float> first;
    for (const int nth : {1, 3}) {
        std::vector<float> y(x.size(), 7), dx(x.size(), 7);
        on_threads(nth, [&](int ith, int of) { short_conv_forward(c.s, x.data(), taps.data(), y.data(), ith, of); });
        on_threads(nth, [&](int ith, int of) { short_conv_backward(c.s, x.data(), taps.data(), dy.data(), dx.data(), ith, of); });
        check_values(c.name, y, want, 2e-6);
        if (nth == 1) {
            first = dx;
            check_differences(c.name + ", backward", widened(x), widened(dx), [&](const values & at) { return c.loss(at, taps, dy); });
        }
        check(same_bits(dx, first), c.name + ": same bits for " + std::to_string(nth) + " threads");
    }
}

// All of a delta net's operands one behind the other.
struct net_case {
    delta_net_shape s;
    int64_t         T;

    int64_t at_k() const { return s.d * s.n_head_k * T; }
    int64_t at_v() const { return 2 * at_k(); }
    int64_t at_gate() const { return at_v() + s.d * s.n_head * T; }
    int64_t at_beta() const { return at_gate() + s.n_head * T; }
    int64_t size() const { return at_beta() + s.n_head * T; }
    int64_t key_head(int64_t h) const { return s.is_grouped ? h / (s.n_head / s.n_head_k) : h % s.n_head_k; }

    // The loss, and by the README's formulas the gradients, token by token.
    double loss(const values & x, const std::vector<float> & g, values * y, values * dx) const {
        const int64_t d = s.d;
        double        total = 0;
        for (int64_t row = 0; row < s.n_seq; row++) {
            for (int64_t h = 0; h < s.n_head; h++) {
                const int64_t       from = s.seq_start[row], n = s.seq_start[row + 1] - from;
                std::vector<values> before(n + 1, values(d * d, 0)); // states [key][value]
                std::vector<values> deltas(n, values(d)), rests(n, values(d));
                auto q = [&](int64_t t) { return ((from + t) * s.n_head_k + key_head(h)) * d; };
                auto v = [&](int64_t t) { return at_v() + ((from + t) * s.n_head + h) * d; };
                auto one = [&](int64_t base, int64_t t) { return base + (from + t) * s.n_head + h; };
                for (int64_t t = 0; t < n; t++) {
                    values & m = before[t + 1];
                    m          = before[t];
                    for (double & e : m) {
                        e *= std::exp(x[one(at_gate(), t)]);
                    }
                    for (int64_t j = 0; j < d; j++) {
                        double u = 0;
                        for (int64_t i = 0; i < d; i++) {
                            u += m[i * d + j] * x[at_k() + q(t) + i];
                        }
                        rests[t][j]  = x[v(t) + j] - u;
                        deltas[t][j] = x[one(at_beta(), t)] * rests[t][j];
                    }
                    for (int64_t i = 0; i < d; i++) {
                        for (int64_t j = 0; j < d; j++) {
                            m[i * d + j] += x[at_k() + q(t) + i] * deltas[t][j];
                        }
                    }
                    for (int64_t j = 0; j < d; j++) {
                        double out = 0;
                        for (int64_t i = 0; i < d; i++) {
                            out += s.scale * m[i * d + j] * x[q(t) + i];
                        }
                        total += out * g[v(t) - at_v() + j];
                        if (y) {
                            (*y)[v(t) - at_v() + j] = out;
                        }
                    }
                }
                if (!dx) {
                    continue;
                }
                values dm(d * d, 0);
                for (int64_t t = n - 1; t >= 0; t--) {
                    const values & m = before[t + 1];
                    const double   decay = std::exp(x[one(at_gate(), t)]);
                    values         dd(d, 0);
                    for (int64_t i = 0; i < d; i++) {
                        for (int64_t j = 0; j < d; j++) {
                            const double grad = s.scale * g[v(t) - at_v() + j];
                            (*dx)[q(t) + i] += grad * m[i * d + j];
                            dm[i * d + j] += grad * x[q(t) + i];
                        }
                    }
                    for (int64_t i = 0; i < d; i++) {
                        for (int64_t j = 0; j < d; j++) {
                            dd[j] += dm[i * d + j] * x[at_k() + q(t) + i];
                            (*dx)[at_k() + q(t) + i] += dm[i * d + j] * deltas[t][j];
                        }
                    }
                    const double beta = x[one(at_beta(), t)];
                    for (int64_t j = 0; j < d; j++) {
                        (*dx)[one(at_beta(), t)] += dd[j] * rests[t][j];
                        (*dx)[v(t) + j] += dd[j] * beta;
                        for (int64_t i = 0; i < d; i++) { // through u
                            (*dx)[at_k() + q(t) + i] -= dd[j] * beta * before[t][i * d + j] * decay;
                            dm[i * d + j] -= dd[j] * beta * x[at_k() + q(t) + i];
                        }
                    }
                    for (int64_t e = 0; e < d * d; e++) {
                        (*dx)[one(at_gate(), t)] += dm[e] * before[t][e] * decay;
                        dm[e] *= decay;
                    }
                }
            }
        }
        return total;
    }
};

std::vector<float> operands(const net_case & c, float strongest_decay) {
    generator          g{17};
    std::vector<float> x = g.floats(c.size());
    for (int64_t row = 0; row < 2 * c.s.n_head_k * c.T; row++) { // queries and keys have length 1
        double length = 0;
        for (int64_t i = 0; i < c.s.d; i++) {
            length += (double) x[row * c.s.d + i] * x[row * c.s.d + i];
        }
        for (int64_t i = 0; i < c.s.d; i++) {
            x[row * c.s.d + i] /= (float) std::sqrt(length);
        }
    }
    for (int64_t i = c.at_gate(); i < c.at_beta(); i++) {
        x[i] = -strongest_decay * std::fabs(x[i]);
    }
    for (int64_t i = c.at_beta(); i < c.size(); i++) {
        x[i] = std::fabs(x[i]);
    }
    return x;
}

void test_net(const std::vector<int32_t> & starts, int64_t d, int64_t n_head, int64_t n_head_k, bool is_grouped, float strongest_decay) {
    const net_case    c{{d, n_head, n_head_k, (int64_t) starts.size() - 1, starts.data(), 0.25f, is_grouped}, starts.back()};
    const std::string name = "delta net, " + std::to_string(c.T) + " tokens, d " + std::to_string(d) + ", decay " + std::to_string(strongest_decay) + (is_grouped ? ", grouped" : "");
    const std::vector<float> x = operands(c, strongest_decay), dy = generator{3}.floats(d * n_head * c.T);
    values want(dy.size()), want_d(x.size(), 0);
    c.loss(widened(x), dy, &want, &want_d);
    std::vector<float> first;
    for (const int nth : {1, 2}) {
        std::vector<float> y(dy.size(), 7), dx(x.size(), 7), states(d * d * n_head * delta_net_chunks(c.s), NAN);
        auto room = [&] { return std::vector<float>(delta_net_scratch_bytes(c.s) / sizeof(float) + 1, NAN); };
        on_threads(nth, [&](int ith, int of) {
            auto scratch = room();
            delta_net_forward(c.s, x.data(), x.data() + c.at_k(), x.data() + c.at_v(), x.data() + c.at_gate(), x.data() + c.at_beta(), y.data(), states.data(), scratch.data(), ith, of);
        });
        on_threads(nth, [&](int ith, int of) {
            auto scratch = room();
            delta_net_backward(c.s, x.data(), x.data() + c.at_k(), x.data() + c.at_v(), x.data() + c.at_gate(), x.data() + c.at_beta(), states.data(), dy.data(), dx.data(),
                               dx.data() + c.at_k(), dx.data() + c.at_v(), dx.data() + c.at_gate(), dx.data() + c.at_beta(), scratch.data(), ith, of);
        });
        if (nth == 1) {
            first = dx;
            check_values(name, y, want, 1e-5);
            auto part = [&](const char * what, int64_t from, int64_t to) {
                check_values(name + ", d " + what, {dx.begin() + from, dx.begin() + to}, {want_d.begin() + from, want_d.begin() + to}, 3e-5);
            };
            part("q", 0, c.at_k());
            part("k", c.at_k(), c.at_v());
            part("v", c.at_v(), c.at_gate());
            part("gate", c.at_gate(), c.at_beta());
            part("beta", c.at_beta(), c.size());
        } else {
            check(same_bits(dx, first), name + ": same bits for two threads");
        }
    }
}

// The reference's own gradients.
void test_reference() {
    const std::vector<int32_t> starts{0, 2, 7};
    const net_case             c{{3, 4, 2, 2, starts.data(), 0.5f, false}, 7};
    const auto                 x = operands(c, 1.0f), dy = generator{3}.floats(3 * 4 * 7);
    values                     dx(x.size(), 0);
    c.loss(widened(x), dy, nullptr, &dx);
    check_differences("reference delta net", widened(x), dx, [&](const values & at) { return c.loss(at, dy, nullptr, nullptr); });
}

} // namespace

int main() {
    test_reference();
    on_every_isa([] {
        test_conv(37, 3, false);
        test_conv(37, 4, true);
        test_conv(16, 1, true);
        test_net({0, 5, 6, 70}, 16, 4, 2, false, 0.1f); // a row of a chunk and one token more: 64 + 5 + 1
        test_net({0, 150}, 24, 2, 2, false, 0.02f);
        test_net({0, 65, 200}, 19, 4, 2, true, 20.0f); // most of what was there is forgotten at once
        test_net({0, 130}, 64, 2, 1, false, 0.5f);
    });
    return result();
}
