// Loops that do nothing but multiply and add, to measure what a core can do at most. Included after simd.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

#if defined(_MSC_VER) && !defined(__clang__)
#define FORJA_OPAQUE(x) (void) (x)
#elif defined(FORJA_X86_64)
#define FORJA_OPAQUE(x) __asm__ volatile("" : "+v"(x))
#elif defined(__aarch64__)
#define FORJA_OPAQUE(x) __asm__ volatile("" : "+w"(x))
#else
#define FORJA_OPAQUE(x) (void) (x)
#endif

FORJA_NOINLINE double fma_loop(int64_t n, float * result) {
    constexpr int CHAINS = 12; // more than latency times units on any core
    vf            acc[CHAINS];
    for (int i = 0; i < CHAINS; ++i) {
        acc[i] = all((float) i);
    }
    vf a = all(0.999f), b = all(0.001f);
    for (int64_t k = 0; k < n; ++k) {
        FORJA_OPAQUE(a);
        FORJA_UNROLL
        for (int i = 0; i < CHAINS; ++i) {
            acc[i] = fma(acc[i], a, b);
        }
    }
    for (int i = 0; i < CHAINS; ++i) {
        *result += sum(acc[i]);
    }
    return 2.0 * (double) n * CHAINS * VF_LANES;
}

FORJA_NOINLINE double bf16_dot_loop(int64_t n, float * result) {
#if defined(FORJA_SIMD_BF16)
    constexpr int CHAINS = 12;
    __m512        acc[CHAINS];
    for (int i = 0; i < CHAINS; ++i) {
        acc[i] = _mm512_setzero_ps();
    }
    __m512i a = _mm512_set1_epi16(0x3f80), b = _mm512_set1_epi16(0x3f80);
    for (int64_t k = 0; k < n; ++k) {
        FORJA_OPAQUE(a);
        FORJA_UNROLL
        for (int i = 0; i < CHAINS; ++i) {
            acc[i] = _mm512_dpbf16_ps(acc[i], (__m512bh) a, (__m512bh) b);
        }
    }
    for (int i = 0; i < CHAINS; ++i) {
        *result += sum(acc[i]);
    }
    return 4.0 * (double) n * CHAINS * VF_LANES;
#else
    (void) n;
    (void) result;
    return 0;
#endif
}

static double peak_loop(peak_kind kind, int64_t n, float * result) {
    return kind == peak_kind::fma ? fma_loop(n, result) : bf16_dot_loop(n, result);
}

} // namespace forja::cpu::FORJA_ISA
