// Rounding for AVX-512 (F, BW, DQ, VL).
#include "ops/cpu/prelude.hpp"
#include "ops/cpu/rounding-table.hpp"

#if defined(FORJA_X86_64)

// To the end of the file, so that templates are instantiated under it too. MSVC takes the intrinsics as they are.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#elif defined(__GNUC__)
// GCC 12 warns of its own intrinsics' "undefined" operands.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")
#endif

#define FORJA_ISA avx512_f
#define FORJA_ISA_TABLE rounding_avx512
#define FORJA_SIMD_AVX512
#include "ops/cpu/rounding-impl.hpp"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

namespace forja::cpu {
const rounding_table * rounding_avx512() { return nullptr; }
} // namespace forja::cpu

#endif
