// Everything that the kernels need from outside, to be included before the instruction set is raised, so that no
// function of a standard header is compiled for it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/random.hpp"
#include "ops/cpu/attention-plan.hpp"
#include "ops/cpu/kernel-table.hpp"
#include "ops/cpu/scratch.hpp"

#if defined(__x86_64__) || defined(_M_X64)
#define FORJA_X86_64 1
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
