#include "support/report.hpp"

#include <cstdio>

namespace forja::test {

namespace {
int passed = 0, failed = 0;
}

void check(bool good, const std::string & what) {
    std::printf("%s %s\n", good ? "ok  " : "FAIL", what.c_str());
    std::fflush(stdout);
    (good ? passed : failed)++;
}

void check_error(const std::string & what, double error, double tolerance) {
    const bool good = error <= tolerance;
    std::printf("%s %-72s error %.2e (at most %.0e)\n", good ? "ok  " : "FAIL", what.c_str(), error, tolerance);
    std::fflush(stdout);
    (good ? passed : failed)++;
}

int result() {
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

} // namespace forja::test
