#include "export/block-format.hpp"

#include <array>
#include <cstring>

namespace forja {

namespace {

// Offsets of the parts of a block, in bytes, as in ggml's ggml-common.h.

/// Q4_0, Q4_1, Q5_0, Q5_1: 32 values, the low nibbles first and then the high ones; a fifth bit in QH where there is one.
template <int QH, int QS> void get_32(const uint8_t * b, uint8_t * q) {
    for (int i = 0; i < 16; ++i) {
        q[i]      = b[QS + i] & 15;
        q[i + 16] = b[QS + i] >> 4;
    }
    if constexpr (QH >= 0) {
        for (int i = 0; i < 32; ++i) {
            q[i] |= static_cast<uint8_t>((b[QH + i / 8] >> (i % 8) & 1) << 4);
        }
    }
}
template <int QH, int QS> void set_32(uint8_t * b, const uint8_t * q) {
    for (int i = 0; i < 16; ++i) {
        b[QS + i] = static_cast<uint8_t>((q[i] & 15) | (q[i + 16] & 15) << 4);
    }
    if constexpr (QH >= 0) {
        std::memset(b + QH, 0, 4);
        for (int i = 0; i < 32; ++i) {
            b[QH + i / 8] |= static_cast<uint8_t>((q[i] >> 4) << (i % 8));
        }
    }
}

/// Q8_0: signed bytes, here from -128 on.
void get_q8_0(const uint8_t * b, uint8_t * q) {
    for (int i = 0; i < 32; ++i) q[i] = b[2 + i] ^ 0x80;
}
void set_q8_0(uint8_t * b, const uint8_t * q) {
    for (int i = 0; i < 32; ++i) b[2 + i] = q[i] ^ 0x80;
}

/// Q4_K and Q5_K: nibbles of 64 values lie in 32 bytes, the first 32 values low; the fifth bit of values 32 i … of byte j is bit i of QH.
template <int QH, int QS> void get_k45(const uint8_t * b, uint8_t * q) {
    for (int i = 0; i < 256; ++i) {
        const int byte = i / 64 * 32 + i % 32;
        q[i]           = (b[QS + byte] >> (i % 64 / 32 * 4)) & 15;
        if constexpr (QH >= 0) {
            q[i] |= static_cast<uint8_t>((b[QH + i % 32] >> (i / 32) & 1) << 4);
        }
    }
}
template <int QH, int QS> void set_k45(uint8_t * b, const uint8_t * q) {
    std::memset(b + QS, 0, 128);
    if constexpr (QH >= 0) {
        std::memset(b + QH, 0, 32);
    }
    for (int i = 0; i < 256; ++i) {
        b[QS + i / 64 * 32 + i % 32] |= static_cast<uint8_t>((q[i] & 15) << (i % 64 / 32 * 4));
        if constexpr (QH >= 0) {
            b[QH + i % 32] |= static_cast<uint8_t>((q[i] >> 4) << (i / 32));
        }
    }
}

/// Q6_K: halves of 128 values; in each, value i has its low nibble in byte i % 64 of 64 and its high bits in byte i % 32 of 32.
void get_q6_k(const uint8_t * b, uint8_t * q) {
    for (int i = 0; i < 256; ++i) {
        const int half = i / 128, at = i % 128;
        q[i] = static_cast<uint8_t>((b[half * 64 + at % 64] >> (at / 64 * 4) & 15) | (b[128 + half * 32 + at % 32] >> (at / 32 * 2) & 3) << 4);
    }
}
void set_q6_k(uint8_t * b, const uint8_t * q) {
    std::memset(b, 0, 192);
    for (int i = 0; i < 256; ++i) {
        const int half = i / 128, at = i % 128;
        b[half * 64 + at % 64] |= static_cast<uint8_t>((q[i] & 15) << (at / 64 * 4));
        b[128 + half * 32 + at % 32] |= static_cast<uint8_t>((q[i] >> 4) << (at / 32 * 2));
    }
}

/// Q2_K and Q3_K: halves of 128 values; value i of one lies in byte i % 32 of 32, two bits at i / 32; Q3_K's third bit of byte
/// i % 32 of HMASK is bit 4 half + i / 32.
template <int HMASK, int QS> void get_k23(const uint8_t * b, uint8_t * q) {
    for (int i = 0; i < 256; ++i) {
        q[i] = b[QS + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        if constexpr (HMASK >= 0) {
            q[i] |= static_cast<uint8_t>((b[HMASK + i % 32] >> (i / 32) & 1) << 2);
        }
    }
}
template <int HMASK, int QS> void set_k23(uint8_t * b, const uint8_t * q) {
    std::memset(b + QS, 0, 64);
    if constexpr (HMASK >= 0) {
        std::memset(b + HMASK, 0, 32);
    }
    for (int i = 0; i < 256; ++i) {
        b[QS + i / 128 * 32 + i % 32] |= static_cast<uint8_t>((q[i] & 3) << (i % 128 / 32 * 2));
        if constexpr (HMASK >= 0) {
            b[HMASK + i % 32] |= static_cast<uint8_t>((q[i] >> 2) << (i / 32));
        }
    }
}

// Scales within blocks.

/// Q4_K and Q5_K: eight scales and eight minima of six bits in twelve bytes from byte 4 on.
void get_scales_k45(const uint8_t * b, int16_t * scales, int16_t * minima) {
    const uint8_t * s = b + 4;
    for (int j = 0; j < 4; ++j) {
        scales[j]     = s[j] & 63;
        minima[j]     = s[j + 4] & 63;
        scales[j + 4] = static_cast<int16_t>((s[j + 8] & 15) | (s[j] >> 6) << 4);
        minima[j + 4] = static_cast<int16_t>((s[j + 8] >> 4) | (s[j + 4] >> 6) << 4);
    }
}
void set_scales_k45(uint8_t * b, const int16_t * scales, const int16_t * minima) {
    uint8_t * s = b + 4;
    for (int j = 0; j < 4; ++j) {
        s[j]     = static_cast<uint8_t>(scales[j] | (scales[j + 4] >> 4) << 6);
        s[j + 4] = static_cast<uint8_t>(minima[j] | (minima[j + 4] >> 4) << 6);
        s[j + 8] = static_cast<uint8_t>((scales[j + 4] & 15) | (minima[j + 4] & 15) << 4);
    }
}

/// Q6_K: sixteen signed bytes.
void get_scales_k6(const uint8_t * b, int16_t * scales, int16_t *) {
    for (int j = 0; j < 16; ++j) scales[j] = static_cast<int8_t>(b[192 + j]);
}
void set_scales_k6(uint8_t * b, const int16_t * scales, const int16_t *) {
    for (int j = 0; j < 16; ++j) b[192 + j] = static_cast<uint8_t>(static_cast<int8_t>(scales[j]));
}

/// Q3_K: sixteen of six bits, from -32 on: the low four bits in eight bytes from byte 96 on, the high two in the four bytes after.
void get_scales_k3(const uint8_t * b, int16_t * scales, int16_t *) {
    for (int j = 0; j < 16; ++j) {
        const int low = b[96 + j % 8] >> (j / 8 * 4) & 15, high = b[104 + j % 4] >> (j / 4 * 2) & 3;
        scales[j]     = static_cast<int16_t>((low | high << 4) - 32);
    }
}
void set_scales_k3(uint8_t * b, const int16_t * scales, const int16_t *) {
    std::memset(b + 96, 0, 12);
    for (int j = 0; j < 16; ++j) {
        const int stored = scales[j] + 32;
        b[96 + j % 8] |= static_cast<uint8_t>((stored & 15) << (j / 8 * 4));
        b[104 + j % 4] |= static_cast<uint8_t>((stored >> 4) << (j / 4 * 2));
    }
}

constexpr std::array<block_format, 10> formats = {{
    {GGML_TYPE_Q4_0, 32, 18, 15, 0, -1, get_32<-1, 2>, set_32<-1, 2>},
    {GGML_TYPE_Q4_1, 32, 20, 15, 0, 2, get_32<-1, 4>, set_32<-1, 4>},
    {GGML_TYPE_Q5_0, 32, 22, 31, 0, -1, get_32<2, 6>, set_32<2, 6>},
    {GGML_TYPE_Q5_1, 32, 24, 31, 0, 2, get_32<4, 8>, set_32<4, 8>},
    {GGML_TYPE_Q8_0, 32, 34, 255, 0, -1, get_q8_0, set_q8_0},
    {GGML_TYPE_Q2_K, 256, 84, 3, 80, 82, get_k23<-1, 16>, set_k23<-1, 16>},
    {GGML_TYPE_Q3_K, 256, 110, 7, 108, -1, get_k23<0, 32>, set_k23<0, 32>, 16, -32, 31, get_scales_k3, set_scales_k3},
    {GGML_TYPE_Q4_K, 256, 144, 15, 0, 2, get_k45<-1, 16>, set_k45<-1, 16>, 8, 0, 63, get_scales_k45, set_scales_k45},
    {GGML_TYPE_Q5_K, 256, 176, 31, 0, 2, get_k45<16, 48>, set_k45<16, 48>, 8, 0, 63, get_scales_k45, set_scales_k45},
    {GGML_TYPE_Q6_K, 256, 210, 63, 208, -1, get_q6_k, set_q6_k, 16, -128, 127, get_scales_k6, set_scales_k6},
}};

} // namespace

const block_format * find_block_format(ggml_type type) {
    for (const block_format & f : formats) {
        if (f.type == type) {
            return &f;
        }
    }
    return nullptr;
}

void read_integers(const block_format & f, const uint8_t * row, int64_t n, uint8_t * q) {
    for (int64_t at = 0; at < n; at += f.n_values, row += f.n_bytes) {
        f.get(row, q + at);
    }
}

void write_integers(const block_format & f, uint8_t * row, int64_t n, const uint8_t * q) {
    for (int64_t at = 0; at < n; at += f.n_values, row += f.n_bytes) {
        f.set(row, q + at);
    }
}

void read_grid(const block_format & f, const uint8_t * row, int64_t n, float * offset, float * step, std::vector<uint8_t> & scratch) {
    const size_t n_bytes = static_cast<size_t>(n / f.n_values) * f.n_bytes;
    scratch.assign(row, row + n_bytes);
    std::array<uint8_t, 256> q;
    const auto               values_of_all = [&](uint8_t value, float * out) {
        q.fill(value);
        for (size_t at = 0; at < n_bytes; at += f.n_bytes) {
            f.set(scratch.data() + at, q.data());
        }
        ggml_get_type_traits(f.type)->to_float(scratch.data(), out, n);
    };
    values_of_all(0, offset);
    values_of_all(1, step);
    for (int64_t i = 0; i < n; ++i) {
        step[i] -= offset[i];
    }
}

void read_multiples(const block_format & f, const uint8_t * row, int64_t n, float * by_d, float * by_m, std::vector<uint8_t> & scratch) {
    const size_t      n_bytes = static_cast<size_t>(n / f.n_values) * f.n_bytes;
    const ggml_fp16_t one = ggml_fp32_to_fp16(1.0f), zero = ggml_fp32_to_fp16(0.0f);
    scratch.assign(row, row + n_bytes);
    const auto values_with = [&](ggml_fp16_t d, ggml_fp16_t m, float * out) {
        for (uint8_t * block = scratch.data(); block < scratch.data() + n_bytes; block += f.n_bytes) {
            std::memcpy(block + f.d_at, &d, sizeof(d));
            if (f.m_at >= 0) {
                std::memcpy(block + f.m_at, &m, sizeof(m));
            }
        }
        ggml_get_type_traits(f.type)->to_float(scratch.data(), out, n);
    };
    values_with(one, zero, by_d);
    if (f.m_at >= 0) {
        values_with(zero, one, by_m);
    }
}

void read_scale_multiples(const block_format & f, const uint8_t * row, int64_t n, float * by_scale, float * by_minimum, std::vector<uint8_t> & scratch) {
    // With all scales and minima 1 the values are d times one multiple and m times the other.
    std::vector<uint8_t> ones(row, row + static_cast<size_t>(n / f.n_values) * f.n_bytes);
    std::array<int16_t, 16> all;
    all.fill(1);
    for (size_t at = 0; at < ones.size(); at += f.n_bytes) {
        f.set_scales(ones.data() + at, all.data(), all.data());
    }
    read_multiples(f, ones.data(), n, by_scale, by_minimum, scratch);
    for (int64_t at = 0; at < n; at += f.n_values, row += f.n_bytes) {
        const auto factor = [&](int where) {
            ggml_fp16_t stored;
            std::memcpy(&stored, row + where, sizeof(stored));
            return ggml_fp16_to_fp32(stored);
        };
        const float d = factor(f.d_at), m = f.m_at >= 0 ? factor(f.m_at) : 0.0f;
        for (int64_t i = at; i < at + f.n_values; ++i) {
            by_scale[i] *= d;
            if (f.m_at >= 0) {
                by_minimum[i] *= m;
            }
        }
    }
}

} // namespace forja
