#include "ops/half-rows.hpp"

#include "ggml.h"
#include "ops/cpu/kernels.hpp"

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
#    include <immintrin.h>
#    define FORJA_F16C 1
#endif

namespace forja {

namespace {

#ifdef FORJA_F16C
__attribute__((target("avx,f16c"))) void convert_f16c(const uint16_t * src, float * dst, int64_t n) {
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (src + i))));
    }
    for (; i < n; i++) {
        dst[i] = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(src[i])));
    }
}
#endif

} // namespace

void half_row_to_float(const void * src, float * dst, int64_t n) {
#if defined(FORJA_F16C)
    if (cpu::best_isa() != cpu::isa::baseline) { // every AVX2 processor has F16C
        convert_f16c((const uint16_t *) src, dst, n);
        return;
    }
#elif defined(__ARM_FP16_FORMAT_IEEE)
    for (int64_t i = 0; i < n; i++) {
        dst[i] = (float) ((const __fp16 *) src)[i];
    }
    return;
#endif
    ggml_fp16_to_fp32_row((const ggml_fp16_t *) src, dst, n);
}

} // namespace forja
