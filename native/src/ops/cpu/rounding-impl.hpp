// Rounding with the inputs in mind, for one instruction set: every operation is on R rows at once. FORJA_ISA_TABLE names the
// function that hands out their table.
#pragma once

#include "ops/cpu/simd.hpp"

namespace forja::cpu::FORJA_ISA {

constexpr int ROUND_VECTORS = static_cast<int>(rounding_rows) / VF_LANES;

/// R numbers.
struct lanes_of_rows {
    vf v[ROUND_VECTORS];
};
using rows_vf = lanes_of_rows;

FORJA_INLINE rows_vf load_rows(const float * p) {
    rows_vf x;
    FORJA_UNROLL
    for (int s = 0; s < ROUND_VECTORS; ++s) {
        x.v[s] = load(p + s * VF_LANES);
    }
    return x;
}
FORJA_INLINE void store_rows(float * p, const rows_vf & x) {
    FORJA_UNROLL
    for (int s = 0; s < ROUND_VECTORS; ++s) {
        store(p + s * VF_LANES, x.v[s]);
    }
}
FORJA_INLINE rows_vf no_rows() {
    rows_vf x;
    FORJA_UNROLL
    for (int s = 0; s < ROUND_VECTORS; ++s) {
        x.v[s] = zero();
    }
    return x;
}

/// z += by y, where CHANGES; returns sum over j of next_j z_j. Four sums, so that none waits for the one before.
template <bool CHANGES> FORJA_INLINE rows_vf change_and_ask(float * z, const rows_vf & by, const float * y, const float * next, int64_t w) {
    rows_vf sums[4] = {no_rows(), no_rows(), no_rows(), no_rows()};
    for (int64_t j = 0; j < w; j += 4) {
        FORJA_UNROLL
        for (int u = 0; u < 4; ++u) {
            float * const at     = z + (j + u) * rounding_rows;
            const vf      factor = all(next[j + u]);
            FORJA_UNROLL
            for (int s = 0; s < ROUND_VECTORS; ++s) {
                vf x = load(at + s * VF_LANES);
                if (CHANGES) {
                    x = fma(by.v[s], all(y[j + u]), x);
                    store(at + s * VF_LANES, x);
                }
                sums[u].v[s] = fma(factor, x, sums[u].v[s]);
            }
        }
    }
    rows_vf sum;
    FORJA_UNROLL
    for (int s = 0; s < ROUND_VECTORS; ++s) {
        sum.v[s] = add(add(sums[0].v[s], sums[1].v[s]), add(sums[2].v[s], sums[3].v[s]));
    }
    return sum;
}

/// The nearest whole number of 0 … max; 0 for NaN, which a step of 0 gives.
FORJA_INLINE vf nearest_integer(vf x, vf max) { return round(vminf(vmaxf(x, zero()), max)); }

static void round_feeding_errors(const rounding_tile & t) {
    for (int64_t j = 0; j < t.w; ++j) {
        store_rows(t.residual + j * rounding_rows, no_rows());
    }
    const vf max   = all(t.max_q);
    rows_vf  asked = no_rows();
    for (int64_t k = 0; k < t.n; ++k) {
        const int64_t i      = t.order[k];
        const rows_vf wanted = load_rows(t.wanted + i * rounding_rows), offset = load_rows(t.offset + i * rounding_rows), step = load_rows(t.step + i * rounding_rows);
        rows_vf       q, e;
        FORJA_UNROLL
        for (int s = 0; s < ROUND_VECTORS; ++s) {
            q.v[s] = nearest_integer(div(sub(add(wanted.v[s], asked.v[s]), offset.v[s]), step.v[s]), max);
            e.v[s] = sub(wanted.v[s], fma(q.v[s], step.v[s], offset.v[s]));
        }
        store_rows(t.q + i * rounding_rows, q);
        store_rows(t.error + i * rounding_rows, e);
        asked = change_and_ask<true>(t.residual, e, t.sketch + i * t.w, t.feedback + min_of(k + 1, t.n - 1) * t.w, t.w);
    }
}

static void round_descending(const rounding_tile & t) {
    const vf max   = all(t.max_q);
    rows_vf  asked = change_and_ask<false>(t.residual, no_rows(), t.sketch, t.sketch + t.order[0] * t.w, t.w);
    for (int64_t k = 0; k < t.n; ++k) {
        const int64_t i = t.order[k];
        const rows_vf q = load_rows(t.q + i * rounding_rows), e = load_rows(t.error + i * rounding_rows), step = load_rows(t.step + i * rounding_rows);
        rows_vf       better, left, back;
        vf            change = zero();
        FORJA_UNROLL
        for (int s = 0; s < ROUND_VECTORS; ++s) {
            const vf gain = div(fma(all(t.damping), e.v[s], asked.v[s]), mul(all(t.curvature[i]), step.v[s]));
            better.v[s]   = nearest_integer(add(q.v[s], gain), max);
            back.v[s]     = mul(sub(q.v[s], better.v[s]), step.v[s]);
            left.v[s]     = add(e.v[s], back.v[s]);
            change        = vmaxf(mul(back.v[s], back.v[s]), change);
        }
        const float * const next = t.sketch + t.order[min_of(k + 1, t.n - 1)] * t.w;
        if (FORJA_ISA::max(change) > 0.0f) {
            store_rows(t.q + i * rounding_rows, better);
            store_rows(t.error + i * rounding_rows, left);
            asked = change_and_ask<true>(t.residual, back, t.sketch + i * t.w, next, t.w);
        } else {
            asked = change_and_ask<false>(t.residual, back, next, next, t.w);
        }
    }
}

static void add_multiples(float * to, const float * multiples, const float * sketch, int64_t m, int64_t w) {
    for (int64_t j = 0; j < w; j += 4) {
        rows_vf sums[4];
        FORJA_UNROLL
        for (int u = 0; u < 4; ++u) {
            sums[u] = load_rows(to + (j + u) * rounding_rows);
        }
        for (int64_t i = 0; i < m; ++i) {
            const rows_vf x = load_rows(multiples + i * rounding_rows);
            FORJA_UNROLL
            for (int u = 0; u < 4; ++u) {
                const vf y = all(sketch[i * w + j + u]);
                FORJA_UNROLL
                for (int s = 0; s < ROUND_VECTORS; ++s) {
                    sums[u].v[s] = fma(x.v[s], y, sums[u].v[s]);
                }
            }
        }
        FORJA_UNROLL
        for (int u = 0; u < 4; ++u) {
            store_rows(to + (j + u) * rounding_rows, sums[u]);
        }
    }
}

/// Two of one side with two of the other.
static void normal_equations(float * normal, const float * products, int64_t count, int64_t w) {
    const auto store_both = [&](int64_t p, int64_t k, const rows_vf & x) {
        store_rows(normal + (p * count + k) * rounding_rows, x);
        store_rows(normal + (k * count + p) * rounding_rows, x);
    };
    for (int64_t p = 0; p < count; p += 2) {
        const int64_t       p1 = min_of(p + 1, count - 1);
        const float * const a0 = products + p * w * rounding_rows, * const a1 = products + p1 * w * rounding_rows;
        for (int64_t k = 0; k <= p; k += 2) {
            const int64_t       k1 = min_of(k + 1, count - 1);
            const float * const b0 = products + k * w * rounding_rows, * const b1 = products + k1 * w * rounding_rows;
            rows_vf             s00 = no_rows(), s01 = no_rows(), s10 = no_rows(), s11 = no_rows();
            for (int64_t j = 0; j < w * rounding_rows; j += rounding_rows) {
                FORJA_UNROLL
                for (int s = 0; s < ROUND_VECTORS; ++s) {
                    const vf x0 = load(a0 + j + s * VF_LANES), x1 = load(a1 + j + s * VF_LANES), y0 = load(b0 + j + s * VF_LANES), y1 = load(b1 + j + s * VF_LANES);
                    s00.v[s] = fma(x0, y0, s00.v[s]);
                    s01.v[s] = fma(x0, y1, s01.v[s]);
                    s10.v[s] = fma(x1, y0, s10.v[s]);
                    s11.v[s] = fma(x1, y1, s11.v[s]);
                }
            }
            store_both(p1, k1, s11);
            store_both(p1, k, s10);
            store_both(p, k1, s01);
            store_both(p, k, s00);
        }
    }
}

static void factorise_normal(float * factor, const float * normal, int64_t count, float ridge) {
    const auto at = [&](int64_t p, int64_t k) { return (p * count + k) * rounding_rows; };
    for (int64_t k = 0; k < count; ++k) {
        rows_vf diagonal = load_rows(normal + at(k, k)), inverse;
        for (int64_t p = k; p < count; p += 2) { // columns before k are done
            const int64_t p1 = min_of(p + 1, count - 1);
            rows_vf       x0 = load_rows(normal + at(p, k)), x1 = load_rows(normal + at(p1, k));
            const float * l0 = factor + at(p, 0), *l1 = factor + at(p1, 0), *lk = factor + at(k, 0);
            for (int64_t i = 0; i < k * rounding_rows; i += rounding_rows) {
                FORJA_UNROLL
                for (int s = 0; s < ROUND_VECTORS; ++s) {
                    const vf b = load(lk + i + s * VF_LANES);
                    x0.v[s]    = sub(x0.v[s], mul(load(l0 + i + s * VF_LANES), b));
                    x1.v[s]    = sub(x1.v[s], mul(load(l1 + i + s * VF_LANES), b));
                }
            }
            if (p == k) {
                FORJA_UNROLL
                for (int s = 0; s < ROUND_VECTORS; ++s) {
                    const vf least = fma(all(ridge), diagonal.v[s], all(1e-30f));
                    x0.v[s]        = root(vmaxf(fma(all(ridge), diagonal.v[s], x0.v[s]), least));
                    inverse.v[s]   = div(all(1.0f), x0.v[s]);
                }
                store_rows(factor + at(k, k), x0);
            } else {
                FORJA_UNROLL
                for (int s = 0; s < ROUND_VECTORS; ++s) {
                    x0.v[s] = mul(x0.v[s], inverse.v[s]);
                }
                store_rows(factor + at(p, k), x0);
            }
            if (p1 != p) {
                FORJA_UNROLL
                for (int s = 0; s < ROUND_VECTORS; ++s) {
                    x1.v[s] = mul(x1.v[s], inverse.v[s]);
                }
                store_rows(factor + at(p1, k), x1);
            }
        }
    }
}

static void find_feedback(float * feedback, const float * sketch, const int32_t * order, int64_t n, int64_t w, float damping, double * room) {
    // From the last column to the first, by Sherman and Morrison. One pass over P takes a column in and asks for the next.
    double * const p = room, * u = room + w * w, * next = u + w;
    for (int64_t i = 0; i < w; ++i) {
        for (int64_t j = 0; j < w; ++j) {
            p[i * w + j] = i == j ? 1.0 / static_cast<double>(damping) : 0.0;
        }
    }
    const float * last = sketch + order[n - 1] * w;
    for (int64_t i = 0; i < w; ++i) {
        u[i] = p[i * w + i] * static_cast<double>(last[i]);
    }
    for (int64_t k = n - 1; k >= 0; --k) {
        const float * const y     = sketch + order[k] * w;
        double              along = 1.0;
        for (int64_t i = 0; i < w; ++i) {
            along += static_cast<double>(y[i]) * u[i];
        }
        const double share = 1.0 / along;
        for (int64_t i = 0; i < w; ++i) {
            feedback[k * w + i] = static_cast<float>(u[i] * share);
            next[i]             = 0.0;
        }
        const float * const before = sketch + order[max_of<int64_t>(k - 1, 0)] * w;
        for (int64_t i = 0; i < w; ++i) {
            double * const FORJA_RESTRICT row = p + i * w;
            double * const FORJA_RESTRICT to  = next;
            const double                  c = u[i] * share, x = static_cast<double>(before[i]);
            for (int64_t j = 0; j < w; ++j) {
                row[j] -= c * u[j];
                to[j] += x * row[j];
            }
        }
        double * const t = u;
        u                = next;
        next             = t;
    }
}

} // namespace forja::cpu::FORJA_ISA

namespace forja::cpu {

const rounding_table * FORJA_ISA_TABLE() {
    static constexpr rounding_table table = {
        FORJA_ISA::round_feeding_errors, FORJA_ISA::round_descending, FORJA_ISA::add_multiples,
        FORJA_ISA::normal_equations,     FORJA_ISA::factorise_normal, FORJA_ISA::find_feedback,
    };
    return &table;
}

} // namespace forja::cpu
