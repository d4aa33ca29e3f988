// Asking for memory before it is needed.
#pragma once

#if defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
#include <xmmintrin.h>
#endif

namespace forja {

/// Starts to bring the cache line at `p` near; only a hint, which changes nothing else.
inline void prefetch(const void * p) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(p);
#elif defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
    _mm_prefetch(static_cast<const char *>(p), _MM_HINT_T0);
#else
    (void) p;
#endif
}

} // namespace forja
