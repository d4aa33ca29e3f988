// What tests of the CPU's fused kernels share: one figure for a whole tensor, central differences, threads, instruction sets.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ops/cpu/reference.hpp"
#include "support/report.hpp"

namespace forja::test {

using cpu::reference::values;

/// Checks the largest |got - want| relative to the reference's root mean square: one figure for a whole tensor, with zeros in it
/// or not.
void check_values(const std::string & what, const std::vector<float> & got, const values & want, double tolerance);

/// Root mean square of the error, relative to the reference's: for BF16, where a single worst element says little.
void check_mean(const std::string & what, const std::vector<float> & got, const values & want, double tolerance);

/// Central differences of `loss` over `x`, compared with `gradient` at every element. In double, with a step of 1e-5: the truncation
/// error is about 1e-10, the rounding error about 1e-11.
void check_differences(const std::string & what, values x, const values & gradient, const std::function<double(const values &)> & loss);

/// A small fixed generator: the same numbers on every platform.
struct generator {
    uint64_t           state;
    float              uniform(); // (-1, 1)
    std::vector<float> floats(int64_t n, float size = 1);
};

values widened(const std::vector<float> & v);

/// fn(ith, nth) for every ith, on threads of their own.
void on_threads(int nth, const std::function<void(int, int)> & fn);

bool same_bits(const std::vector<float> & a, const std::vector<float> & b);

/// Makes the checks on every instruction set that this machine has.
void on_every_isa(const std::function<void()> & checks);

} // namespace forja::test
