// Rounding for the processor that the build is for: SSE2, NEON, or plain C++.
#include "ops/cpu/prelude.hpp"
#include "ops/cpu/rounding-table.hpp"

#define FORJA_ISA baseline_isa
#define FORJA_ISA_TABLE rounding_baseline
#include "ops/cpu/rounding-impl.hpp"
