// The kernels of kernels.hpp as one would write them on paper: scalar, in double, no tiles, no threads. Tests compare
// the fast versions with these, and these with finite differences. Shapes and meanings are those of kernels.hpp.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/random.hpp"
#include "ops/cpu/kernels.hpp"

namespace forja::cpu::reference {

using values = std::vector<double>;

/// Logit of query i and key j (tokens), after scale and cap; `slope` receives the cap's derivative.
inline double logit(const attention_shape & s, const values & q, const values & k, int64_t i, int64_t j, int64_t head,
                    double * slope = nullptr) {
    const int64_t kv_head = head / (s.n_head / s.n_head_kv);
    double        dot     = 0;
    for (int64_t d = 0; d < s.head_dim; ++d) {
        dot += q[(i * s.n_head + head) * s.head_dim + d] * k[(j * s.n_head_kv + kv_head) * s.head_dim + d];
    }
    const double x = dot * s.scale;
    const double t = s.logit_softcap > 0 ? std::tanh(x / s.logit_softcap) : 0;
    if (slope) {
        *slope = 1 - t * t;
    }
    return s.logit_softcap > 0 ? s.logit_softcap * t : x;
}

/// The first key that query i of the sequence beginning at `seq_begin` sees; the last is i itself.
inline int64_t first_key(const attention_shape & s, int64_t seq_begin, int64_t i) {
    return s.n_swa > 0 && i - s.n_swa + 1 > seq_begin ? i - s.n_swa + 1 : seq_begin;
}

inline void attention_forward(const attention_shape & s, const values & q, const values & k, const values & v, values & out,
                              values & lse) {
    out.assign(q.size(), 0);
    lse.assign(s.n_head * s.n_tokens, 0);
    for (int32_t seq = 0; seq < s.n_seq; ++seq) {
        for (int64_t i = s.seq_start[seq]; i < s.seq_start[seq + 1]; ++i) {
            for (int64_t head = 0; head < s.n_head; ++head) {
                const int64_t kv_head = head / (s.n_head / s.n_head_kv);
                const int64_t begin   = first_key(s, s.seq_start[seq], i);
                double        top = -INFINITY, total = 0;
                for (int64_t j = begin; j <= i; ++j) {
                    top = std::fmax(top, logit(s, q, k, i, j, head));
                }
                for (int64_t j = begin; j <= i; ++j) {
                    const double e = std::exp(logit(s, q, k, i, j, head) - top);
                    total += e;
                    for (int64_t d = 0; d < s.head_dim; ++d) {
                        out[(i * s.n_head + head) * s.head_dim + d] +=
                            e * v[(j * s.n_head_kv + kv_head) * s.head_dim + d];
                    }
                }
                for (int64_t d = 0; d < s.head_dim; ++d) {
                    out[(i * s.n_head + head) * s.head_dim + d] /= total;
                }
                lse[i * s.n_head + head] = top + std::log(total);
            }
        }
    }
}

inline void attention_backward(const attention_shape & s, const values & q, const values & k, const values & v,
                               const values & out, const values & lse, const values & d_out, values & dq, values & dk,
                               values & dv) {
    dq.assign(q.size(), 0);
    dk.assign(k.size(), 0);
    dv.assign(v.size(), 0);
    for (int32_t seq = 0; seq < s.n_seq; ++seq) {
        for (int64_t i = s.seq_start[seq]; i < s.seq_start[seq + 1]; ++i) {
            for (int64_t head = 0; head < s.n_head; ++head) {
                const int64_t kv_head = head / (s.n_head / s.n_head_kv);
                const int64_t qi      = (i * s.n_head + head) * s.head_dim;
                double        delta   = 0;
                for (int64_t d = 0; d < s.head_dim; ++d) {
                    delta += d_out[qi + d] * out[qi + d];
                }
                for (int64_t j = first_key(s, s.seq_start[seq], i); j <= i; ++j) {
                    const int64_t kj = (j * s.n_head_kv + kv_head) * s.head_dim;
                    double        slope;
                    const double  p      = std::exp(logit(s, q, k, i, j, head, &slope) - lse[i * s.n_head + head]);
                    double        d_prob = 0;
                    for (int64_t d = 0; d < s.head_dim; ++d) {
                        dv[kj + d] += p * d_out[qi + d];
                        d_prob += d_out[qi + d] * v[kj + d];
                    }
                    const double d_dot = p * (d_prob - delta) * slope * s.scale;
                    for (int64_t d = 0; d < s.head_dim; ++d) {
                        dq[qi + d] += d_dot * k[kj + d];
                        dk[kj + d] += d_dot * q[qi + d];
                    }
                }
            }
        }
    }
}

inline double activation(glu_kind kind, double g) {
    if (kind == glu_kind::silu) {
        return g / (1 + std::exp(-g));
    }
    return 0.5 * g * (1 + std::tanh(std::sqrt(2 / M_PI) * (g + 0.044715 * g * g * g)));
}

inline double activation_slope(glu_kind kind, double g) {
    if (kind == glu_kind::silu) {
        const double s = 1 / (1 + std::exp(-g));
        return s * (1 + g * (1 - s));
    }
    const double c = std::sqrt(2 / M_PI);
    const double t = std::tanh(c * (g + 0.044715 * g * g * g));
    return 0.5 * (1 + t) + 0.5 * g * (1 - t * t) * c * (1 + 3 * 0.044715 * g * g);
}

/// The loss of one row; d_logits (may be null) receives its gradient.
inline double cross_entropy_row(const double * logits, int64_t n_vocab, int64_t label, double cap, double * d_logits) {
    const auto capped = [&](int64_t i) { return cap > 0 ? cap * std::tanh(logits[i] / cap) : logits[i]; };
    double     top = -INFINITY, total = 0;
    for (int64_t i = 0; i < n_vocab; ++i) {
        top = std::fmax(top, capped(i));
    }
    for (int64_t i = 0; i < n_vocab; ++i) {
        total += std::exp(capped(i) - top);
    }
    for (int64_t i = 0; d_logits && i < n_vocab; ++i) {
        const double slope = cap > 0 ? 1 - std::pow(std::tanh(logits[i] / cap), 2) : 1;
        d_logits[i]        = (std::exp(capped(i) - top) / total - (i == label)) * slope;
    }
    return top + std::log(total) - capped(label);
}

/// F32 to BF16, nearest even.
inline uint16_t to_bf16(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t) (bits >> 16 | 0x40);
    }
    return (uint16_t) ((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// BF16 to F32, exact.
inline float from_bf16(uint16_t x) {
    const uint32_t bits = (uint32_t) x << 16;
    float          f;
    std::memcpy(&f, &bits, 4);
    return f;
}

/// y = W x, or W^T x where `transposed`; w: ne = [n_in, n_out].
inline values weight_product(const values & w, bool transposed, const values & x, int64_t n_in, int64_t n_out,
                             int64_t n_tokens) {
    values y((transposed ? n_in : n_out) * n_tokens, 0);
    for (int64_t t = 0; t < n_tokens; ++t) {
        for (int64_t o = 0; o < n_out; ++o) {
            for (int64_t i = 0; i < n_in; ++i) {
                if (transposed) {
                    y[t * n_in + i] += w[o * n_in + i] * x[t * n_out + o];
                } else {
                    y[t * n_out + o] += w[o * n_in + i] * x[t * n_in + i];
                }
            }
        }
    }
    return y;
}

/// acc[j][i] of ne = [n, r]: sum over t of x[t][i] * small[t][j].
inline values outer(const values & x, const values & small, int64_t n, int64_t r, int64_t n_tokens) {
    values acc(n * r, 0);
    for (int64_t t = 0; t < n_tokens; ++t) {
        for (int64_t j = 0; j < r; ++j) {
            for (int64_t i = 0; i < n; ++i) {
                acc[j * n + i] += x[t * n + i] * small[t * r + j];
            }
        }
    }
    return acc;
}

/// Element (i of n, j of r) of an adapter matrix.
inline double thin_element(const values & m, thin_layout layout, int64_t n, int64_t r, int64_t i, int64_t j) {
    return layout == thin_layout::n_fastest ? m[j * n + i] : m[i * r + j];
}

inline values thin_reduce(const values & m, thin_layout layout, const values & x, int64_t n, int64_t r, int64_t n_tokens) {
    values small(r * n_tokens, 0);
    for (int64_t t = 0; t < n_tokens; ++t) {
        for (int64_t j = 0; j < r; ++j) {
            for (int64_t i = 0; i < n; ++i) {
                small[t * r + j] += thin_element(m, layout, n, r, i, j) * x[t * n + i];
            }
        }
    }
    return small;
}

inline values thin_expand(const values & m, thin_layout layout, const values & small, int64_t n, int64_t r,
                          int64_t n_tokens) {
    values y(n * n_tokens, 0);
    for (int64_t t = 0; t < n_tokens; ++t) {
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j < r; ++j) {
                y[t * n + i] += thin_element(m, layout, n, r, i, j) * small[t * r + j];
            }
        }
    }
    return y;
}

inline void rms_norm_row(const double * x, const double * w, int64_t n, double eps, double * y) {
    double mean_square = 0;
    for (int64_t i = 0; i < n; ++i) {
        mean_square += x[i] * x[i] / n;
    }
    for (int64_t i = 0; i < n; ++i) {
        y[i] = x[i] / std::sqrt(mean_square + eps) * (w ? w[i] : 1);
    }
}

inline void rms_norm_backward_row(const double * x, const double * w, const double * dy, int64_t n, double eps,
                                  double * dx) {
    double mean_square = eps, mean_dot = 0;
    for (int64_t i = 0; i < n; ++i) {
        mean_square += x[i] * x[i] / n;
        mean_dot += x[i] * dy[i] * (w ? w[i] : 1) / n;
    }
    for (int64_t i = 0; i < n; ++i) {
        dx[i] = (dy[i] * (w ? w[i] : 1) - x[i] * mean_dot / mean_square) / std::sqrt(mean_square);
    }
}

/// Whether element i of a token is dropped.
inline bool dropped(const dropout & d, int64_t t, int64_t i) {
    const uint64_t key = mix64(d.key ^ d.token[t]);
    uint32_t       x   = (uint32_t) key + (uint32_t) i * 0x9e3779b9u;
    x                  = (x ^ x >> 16) * 0x7feb352du;
    x                  = (x ^ x >> 15 ^ (uint32_t) (key >> 32)) * 0x846ca68bu;
    return (x ^ x >> 16) >> 8 < d.n_dropped;
}

} // namespace forja::cpu::reference
