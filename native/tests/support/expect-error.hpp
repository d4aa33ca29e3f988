// Checks that something fails with a given error code.
#pragma once

#include <functional>
#include <string>

#include "base/error.hpp"
#include "support/report.hpp"

namespace forja::test {

/// The code of the forja::error that `work` throws; "none" when it doesn't, "other" for another exception.
inline std::string error_code_of(const std::function<void()> & work) {
    try {
        work();
    } catch (const error & e) {
        return e.code;
    } catch (...) {
        return "other";
    }
    return "none";
}

inline void check_fails(const std::string & code, const std::string & what, const std::function<void()> & work) {
    const std::string got = error_code_of(work);
    check(got == code, what + " gives " + code + (got == code ? "" : ", not " + got));
}

} // namespace forja::test
