// F16 rows to F32 with the processor's own conversion: ggml's type traits convert one value at a time.
#pragma once

#include <cstdint>

namespace forja {

/// src: n F16 values; dst: n F32 values. Exact.
void half_row_to_float(const void * src, float * dst, int64_t n);

} // namespace forja
