// Rounding for AVX2 with FMA and F16C.
#include "ops/cpu/prelude.hpp"
#include "ops/cpu/rounding-table.hpp"

#if defined(FORJA_X86_64)

// To the end of the file, so that templates are instantiated under it too. MSVC takes the intrinsics as they are.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC target("avx2,fma,f16c")
#endif

#define FORJA_ISA avx2_fma
#define FORJA_ISA_TABLE rounding_avx2
#define FORJA_SIMD_AVX2
#include "ops/cpu/rounding-impl.hpp"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

namespace forja::cpu {
const rounding_table * rounding_avx2() { return nullptr; }
} // namespace forja::cpu

#endif
