// The kernels for AVX-512 with BF16 conversions and dot products.
#include "ops/cpu/prelude.hpp"

#if defined(FORJA_X86_64)

// To the end of the file, so that templates are instantiated under it too. MSVC takes the intrinsics as they are.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), apply_to = function)
#elif defined(__GNUC__)
// GCC 12 warns of its own intrinsics' "undefined" operands.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")
#endif

#define FORJA_ISA avx512_with_bf16
#define FORJA_ISA_TABLE kernels_avx512_bf16
#define FORJA_SIMD_AVX512
#define FORJA_SIMD_BF16
#include "ops/cpu/kernels-impl.hpp"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

namespace forja::cpu {
const kernel_table * kernels_avx512_bf16() { return nullptr; }
} // namespace forja::cpu

#endif
