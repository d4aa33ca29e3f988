// One instruction set's kernels as a table of functions; kernels.cpp picks a table and calls through it.
#pragma once

#include "ops/cpu/kernels.hpp"
#include "ops/cpu/scratch.hpp"

namespace forja::cpu {

struct kernel_table {
    decltype(&forja::cpu::peak_loop)                 peak_loop;
    decltype(&forja::cpu::attention_forward)         attention_forward;
    decltype(&forja::cpu::attention_backward)        attention_backward;
    decltype(&forja::cpu::attention_backward_reduce) attention_backward_reduce;
    decltype(&forja::cpu::glu_forward)               glu_forward;
    decltype(&forja::cpu::glu_backward)              glu_backward;
    decltype(&forja::cpu::cross_entropy)             cross_entropy;
    decltype(&forja::cpu::cross_entropy_loss)        cross_entropy_loss;
    decltype(&forja::cpu::fast_to_float)             fast_to_float;
    decltype(&forja::cpu::dequantise_transpose)      dequantise_transpose;
    decltype(&forja::cpu::dequantise)                dequantise;
    decltype(&forja::cpu::pack_activations)          pack_activations;
    decltype(&forja::cpu::weight_product)            weight_product;
    decltype(&forja::cpu::outer_accumulate_wide)     outer_accumulate_wide;
    decltype(&forja::cpu::outer_accumulate_thin)     outer_accumulate_thin;
    decltype(&forja::cpu::thin_reduce)               thin_reduce;
    decltype(&forja::cpu::thin_expand)               thin_expand;
    decltype(&forja::cpu::add_rows)                  add_rows;
    decltype(&forja::cpu::adamw)                     adamw;
    decltype(&forja::cpu::dropout_apply)             dropout_apply;
    decltype(&forja::cpu::rms_norm_forward)          rms_norm_forward;
    decltype(&forja::cpu::rms_norm_backward)         rms_norm_backward;
    decltype(&forja::cpu::short_conv_forward)        short_conv_forward;
    decltype(&forja::cpu::short_conv_backward)       short_conv_backward;
    decltype(&forja::cpu::delta_net_forward)         delta_net_forward;
    decltype(&forja::cpu::delta_net_backward)        delta_net_backward;
    decltype(&forja::cpu::add_low_rank)              add_low_rank;
    decltype(&forja::cpu::fast_from_float)           fast_from_float;
};

// Null where this build has no such version.
const kernel_table * kernels_baseline();
const kernel_table * kernels_avx2();
const kernel_table * kernels_avx512();
const kernel_table * kernels_avx512_bf16();

constexpr int64_t DEQUANTISE_ROWS = 32;

/// How many columns of a weight are dequantised at a time: about 256, in whole quantisation blocks.
inline int64_t dequantise_slice(const weight_rows & w) {
    const int64_t blocks = 256 / w.block_size;
    const int64_t slice  = (blocks > 0 ? blocks : 1) * w.block_size;
    return slice < w.n_in ? slice : w.n_in;
}

// Weight products: a panel is PANEL_WIDTH outputs by PANEL_DEPTH steps of the sum, a step being one F32 or a pair of
// BF16.
constexpr int64_t PANEL_WIDTH = 64;
constexpr int64_t PANEL_DEPTH = 128; // such a panel fills L1
constexpr int64_t PANELS_TOGETHER = 4; // across the 256 values of the largest quantisation blocks

} // namespace forja::cpu
