// All kernels for the instruction set that the including file chose, and the function that hands out their table.
// FORJA_ISA_TABLE names that function.
#pragma once

#include "ops/cpu/simd.hpp"

#include "ops/cpu/simd-int.hpp"
#include "ops/cpu/vector-math.hpp"

#include "ops/cpu/pairs.hpp"
#include "ops/cpu/tile-product.hpp"

#include "ops/cpu/attention-tiles-impl.hpp"

#include "ops/cpu/attention-backward-impl.hpp"
#include "ops/cpu/attention-forward-impl.hpp"
#include "ops/cpu/adamw-impl.hpp"
#include "ops/cpu/cross-entropy-impl.hpp"
#include "ops/cpu/dequantise-impl.hpp"
#include "ops/cpu/dropout-impl.hpp"
#include "ops/cpu/glu-impl.hpp"
#include "ops/cpu/short-conv-impl.hpp"
#include "ops/cpu/small-product.hpp"

#include "ops/cpu/delta-net-impl.hpp"
#include "ops/cpu/low-rank-impl.hpp"
#include "ops/cpu/norm-impl.hpp"
#include "ops/cpu/peak-impl.hpp"
#include "ops/cpu/stored-types-impl.hpp"
#include "ops/cpu/sums-impl.hpp"

#include "ops/cpu/k-quants-impl.hpp"
#include "ops/cpu/k-quants-offset-impl.hpp"

#include "ops/cpu/from-float-impl.hpp"

#include "ops/cpu/thin-impl.hpp"
#include "ops/cpu/weight-product-impl.hpp"

namespace forja::cpu {

const kernel_table * FORJA_ISA_TABLE() {
    static constexpr kernel_table table = {
        FORJA_ISA::peak_loop,
        FORJA_ISA::attention_forward,
        FORJA_ISA::attention_backward,
        FORJA_ISA::attention_backward_reduce,
        FORJA_ISA::glu_forward,
        FORJA_ISA::glu_backward,
        FORJA_ISA::cross_entropy,
        FORJA_ISA::cross_entropy_loss,
        FORJA_ISA::fast_to_float,
        FORJA_ISA::dequantise_transpose,
        FORJA_ISA::dequantise,
        FORJA_ISA::pack_activations,
        FORJA_ISA::weight_product,
        FORJA_ISA::outer_accumulate_wide,
        FORJA_ISA::outer_accumulate_thin,
        FORJA_ISA::thin_reduce,
        FORJA_ISA::thin_expand,
        FORJA_ISA::add_rows,
        FORJA_ISA::adamw,
        FORJA_ISA::dropout_apply,
        FORJA_ISA::rms_norm_forward,
        FORJA_ISA::rms_norm_backward,
        FORJA_ISA::short_conv_forward,
        FORJA_ISA::short_conv_backward,
        FORJA_ISA::delta_net_forward,
        FORJA_ISA::delta_net_backward,
        FORJA_ISA::add_low_rank,
        FORJA_ISA::fast_from_float,
    };
    return &table;
}

} // namespace forja::cpu
