// Short causal convolutions of each channel by itself, for one instruction set. Included after glu-impl.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

// z = the convolution at one token, of VF_LANES channels. x: that token's channels, `before`: tokens of its row before it.
FORJA_INLINE vf conv_at(const short_conv_shape & s, const float * x, const float * taps, int64_t channel, int64_t before, int64_t n) {
    vf z = zero();
    for (int64_t k = max_of<int64_t>(0, s.n_taps - 1 - before); k < s.n_taps; k++) {
        z = fma(load_first(x + (k - s.n_taps + 1) * s.n + channel, n), load_first(taps + k * s.n + channel, n), z);
    }
    return z;
}

static void short_conv_forward(const short_conv_shape & s, const float * x, const float * taps, float * y, int ith, int nth) {
    for (int64_t row = 0; row < s.n_seq; row++) {
        const int64_t begin = s.seq_start[row], n = s.seq_start[row + 1] - begin;
        for (int64_t t = n * ith / nth; t < n * (ith + 1) / nth; t++) {
            const float * xt = x + (begin + t) * s.n;
            float *       yt = y + (begin + t) * s.n;
            for (int64_t c = 0; c < s.n; c += VF_LANES) {
                const vf z = conv_at(s, xt, taps, c, t, s.n - c);
                store_first(yt + c, s.has_silu ? silu(z).value : z, s.n - c);
            }
        }
    }
}

static void short_conv_backward(const short_conv_shape & s, const float * x, const float * taps, const float * dy, float * dx, int ith, int nth) {
    // Each thread takes channels, so that no gradient is shared: token by token from a row's end, each adds to those before it.
    const int64_t groups = (s.n + PAD_FLOATS - 1) / PAD_FLOATS;
    const int64_t first = groups * ith / nth * PAD_FLOATS, last = min_of<int64_t>(s.n, groups * (ith + 1) / nth * PAD_FLOATS);
    for (int64_t row = 0; row < s.n_seq; row++) {
        const int64_t begin = s.seq_start[row], n = s.seq_start[row + 1] - begin;
        for (int64_t t = n - 1; t >= 0; t--) {
            const int64_t at = (begin + t) * s.n;
            for (int64_t c = first; c < last; c += VF_LANES) {
                const int64_t left = last - c;
                vf            dz   = load_first(dy + at + c, left);
                if (s.has_silu) {
                    dz = mul(dz, silu(conv_at(s, x + at, taps, c, t, left)).slope);
                }
                // The token's own gradient was begun by those after it, unless there are none.
                const vf own = mul(dz, load_first(taps + (s.n_taps - 1) * s.n + c, left));
                store_first(dx + at + c, t == n - 1 || s.n_taps == 1 ? own : add(own, load_first(dx + at + c, left)), left);
                for (int64_t back = 1; back < s.n_taps && back <= t; back++) {
                    float * const to   = dx + at - back * s.n + c;
                    const vf      part = mul(dz, load_first(taps + (s.n_taps - 1 - back) * s.n + c, left));
                    // The farthest token back, or all of them at the row's end, is reached for the first time.
                    const bool is_new = t == n - 1 || back == s.n_taps - 1;
                    store_first(to, is_new ? part : add(part, load_first(to, left)), left);
                }
            }
        }
    }
}

} // namespace forja::cpu::FORJA_ISA
