// How long work tells its caller about itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace forja {

/// Called now and then with work done and in all; total 0 where it isn't known. It may throw to stop the work: what was
/// being written is then removed. May be empty.
using progress_fn = std::function<void(uint64_t done, uint64_t total)>;

/// Something that was done otherwise than asked; the fields of the protocol's warning event.
struct warning {
    std::string                        code, message, hint;
    std::map<std::string, std::string> details;

    warning(warning_code code_, std::string message_, std::string hint_ = {}, std::map<std::string, std::string> details_ = {})
        : code(code_), message(std::move(message_)), hint(std::move(hint_)), details(std::move(details_)) {}
};
using warning_fn = std::function<void(const warning &)>;

} // namespace forja
