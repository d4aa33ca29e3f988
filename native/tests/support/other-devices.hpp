// Tests that run on every device but the CPU that the machine has.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ops/device.hpp"

namespace forja::test {

/// Devices other than the CPU.
std::vector<device_info> other_devices();

/// The main() of a test of several cases on each such device. Each case runs in a process of its own (this program with two
/// arguments), since a driver's crash must not hide the others; `run` makes its checks. With no such device it says so.
/// @param names one a case, for messages
/// @returns what main() returns; call result() before it, when the program has checks of its own
int run_on_other_devices(int argc, char ** argv, const std::vector<std::string> & names,
                         const std::function<void(size_t, const device_info &)> & run);

} // namespace forja::test
