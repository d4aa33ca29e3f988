// The integers of ggml's block formats on an even grid: value = offset + q * step, with a step and an offset for each group of
// 16 or 32 values, which the block stores beside its integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ggml.h"

namespace forja {

/// Where a block's integers lie among its bytes. All else in the block (scales, offsets) is left as it is.
struct block_format {
    ggml_type type;
    int       n_values; // of a block
    size_t    n_bytes;
    int       max_q;    // integers are 0 … max_q
    int       d_at, m_at; // bytes of the block's factors, F16; m_at -1: there is only d

    void (*get)(const uint8_t * block, uint8_t * q); // block → n_values integers
    void (*set)(uint8_t * block, const uint8_t * q);

    /// Scales within the block, where it has two levels of them: value = d * scale * integer + m * minimum, each for n_values / n_scales
    /// values. Minima only where there is an m; a type without an m adds nothing.
    int n_scales                                                                    = 0; // 0: d and m are all there is
    int min_scale                                                                   = 0, max_scale = 0;
    void (*get_scales)(const uint8_t * block, int16_t * scales, int16_t * minima)       = nullptr;
    void (*set_scales)(uint8_t * block, const int16_t * scales, const int16_t * minima) = nullptr;
};

/// nullptr for a type whose values lie on no even grid (or that isn't quantised): Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K,
/// Q5_K and Q6_K have one.
const block_format * find_block_format(ggml_type type);

/// A row's grid as numbers, from its bytes: value i can be offset[i] + q * step[i], q in 0 … max_q. ggml's own dequantisation
/// gives them, of the row with all integers 0 and all 1. A step may be 0 or negative.
/// @param scratch room for the row's bytes
void read_grid(const block_format & format, const uint8_t * row, int64_t n, float * offset, float * step, std::vector<uint8_t> & scratch);

/// Which multiple of its block's factor d, and of m, each value of a row is: value = d * by_d + m * by_m.
void read_multiples(const block_format & format, const uint8_t * row, int64_t n, float * by_d, float * by_m, std::vector<uint8_t> & scratch);

/// The same for the scales within blocks: value = scale * by_scale + minimum * by_minimum. For a format that has them.
void read_scale_multiples(const block_format & format, const uint8_t * row, int64_t n, float * by_scale, float * by_minimum, std::vector<uint8_t> & scratch);

/// A row's integers, n of them, a multiple of the block's values.
void read_integers(const block_format & format, const uint8_t * row, int64_t n, uint8_t * q);
void write_integers(const block_format & format, uint8_t * row, int64_t n, const uint8_t * q);

} // namespace forja
