// The kernels for the processor that the build is for: SSE2, NEON, or plain C++.
#include "ops/cpu/prelude.hpp"

#define FORJA_ISA baseline_isa
#define FORJA_ISA_TABLE kernels_baseline
#include "ops/cpu/kernels-impl.hpp"
