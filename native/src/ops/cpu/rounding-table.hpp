// One instruction set's rounding kernels. A table of their own, in files of their own: they are for exports, and the training step's
// kernels take long to compile.
#pragma once

#include "ops/cpu/rounding-kernels.hpp"

namespace forja::cpu {

struct rounding_table {
    decltype(&forja::cpu::round_feeding_errors) round_feeding_errors;
    decltype(&forja::cpu::round_descending)     round_descending;
    decltype(&forja::cpu::add_multiples)        add_multiples;
    decltype(&forja::cpu::normal_equations)     normal_equations;
    decltype(&forja::cpu::factorise_normal)     factorise_normal;
    decltype(&forja::cpu::find_feedback)        find_feedback;
};

// Null where this build has no such version.
const rounding_table * rounding_baseline();
const rounding_table * rounding_avx2();
const rounding_table * rounding_avx512();

} // namespace forja::cpu
