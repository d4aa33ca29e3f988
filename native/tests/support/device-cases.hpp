// Tests of devices: what runs everywhere, on the CPU in the part of a device, and cases for the devices of this machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ops/device.hpp"

namespace forja::test {

/// The main() of a test of devices.
///   PROGRAM                     `everywhere`: no device is needed
///   PROGRAM --cases             prints the names of `cases`, one a line
///   PROGRAM --case I DEVICE     runs case I on a listed device
/// Cases run in a process each (scripts/lib/device-tests.mjs starts them), since a driver's crash must not hide the others, and
/// since one who has no device must count them as skipped, not as passed.
/// @param on_device makes case i's checks on the device
/// @returns what main() returns: 0, or 1 where a check failed; 2 where there is no such device
int device_test(int argc, char ** argv, const std::vector<std::string> & cases, const std::function<void()> & everywhere,
                const std::function<void(size_t i, const device_info &)> & on_device);

} // namespace forja::test
