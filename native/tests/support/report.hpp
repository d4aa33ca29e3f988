// How a test program reports: one line a check, and the exit code.
#pragma once

#include <string>

namespace forja::test {

/// Prints a line; a failed check makes result() 1.
void check(bool good, const std::string & what);

/// Checks error <= tolerance (a NaN fails) and prints both.
void check_error(const std::string & what, double error, double tolerance);

/// What main() returns: prints "N passed, N failed" and gives 0 when nothing failed.
int result();

} // namespace forja::test
