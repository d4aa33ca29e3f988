// RMS norm, for one instruction set. Included after simd.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

/// Sum over i of a[i] * b[i] * (w ? w[i] : 1), in F32 lanes over blocks whose sums go to a double.
FORJA_INLINE double weighted_dot(const float * a, const float * b, const float * w, int64_t n) {
    double total = 0;
    for (int64_t block = 0; block < n; block += 1024) {
        const int64_t end  = min_of<int64_t>(n, block + 1024);
        vf            part = zero();
        int64_t       i    = block;
        for (; i + VF_LANES <= end; i += VF_LANES) {
            vf av = load(a + i);
            if (w) {
                av = mul(av, load(w + i));
            }
            part = fma(av, load(b + i), part);
        }
        if (i < end) {
            vf av = load_first(a + i, end - i);
            if (w) {
                av = mul(av, load_first(w + i, end - i));
            }
            part = fma(av, load_first(b + i, end - i), part);
        }
        total += sum(part);
    }
    return total;
}

static void rms_norm_forward(float * y, float * sum_out, const float * a, const float * b, const float * w, int64_t n,
                             int64_t n_tokens, float eps, int ith, int nth) {
    for (int64_t t = n_tokens * ith / nth; t < n_tokens * (ith + 1) / nth; ++t) {
        float * const yt = y + t * n;
        const float * x  = a + t * n;
        if (b) {
            float * const xt = sum_out ? sum_out + t * n : yt;
            for (int64_t i = 0; i < n; i += VF_LANES) {
                store_first(xt + i, add(load_first(x + i, n - i), load_first(b + t * n + i, n - i)), n - i);
            }
            x = xt;
        }
        const vf inverse = all((float) (1.0 / ::sqrt(weighted_dot(x, x, nullptr, n) / (double) n + eps)));
        for (int64_t i = 0; i < n; i += VF_LANES) {
            vf v = mul(load_first(x + i, n - i), inverse);
            if (w) {
                v = mul(v, load_first(w + i, n - i));
            }
            store_first(yt + i, v, n - i);
        }
    }
}

static void rms_norm_backward(float * dx, const float * x, const float * w, const float * dy, int64_t n, int64_t n_tokens,
                              float eps, bool accumulate, int ith, int nth) {
    for (int64_t t = n_tokens * ith / nth; t < n_tokens * (ith + 1) / nth; ++t) {
        const float * const xt  = x + t * n;
        const float * const dyt = dy + t * n;
        // dx = (w dy - x * mean(w dy x) / mean_square) / rms
        const double mean_square = weighted_dot(xt, xt, nullptr, n) / (double) n + eps;
        const double inverse     = 1.0 / ::sqrt(mean_square);
        const double mean_dot    = weighted_dot(dyt, xt, w, n) / (double) n;
        const vf     by_dy       = all((float) inverse);
        const vf     by_x        = all((float) (-mean_dot / mean_square * inverse));
        for (int64_t i = 0; i < n; i += VF_LANES) {
            const int64_t left = n - i;
            vf            g    = load_first(dyt + i, left);
            if (w) {
                g = mul(g, load_first(w + i, left));
            }
            g = fma(g, by_dy, mul(load_first(xt + i, left), by_x));
            if (accumulate) {
                g = add(g, load_first(dx + t * n + i, left));
            }
            store_first(dx + t * n + i, g, left);
        }
    }
}

} // namespace forja::cpu::FORJA_ISA
