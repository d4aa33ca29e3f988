// How long work tells its caller about itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace forja {

/// Called now and then with work done and in all; total 0 where it isn't known. It may throw to stop the work: what was
/// being written is then removed. May be empty.
using progress_fn = std::function<void(uint64_t done, uint64_t total)>;

/// Something that was done otherwise than asked; the fields of the protocol's warning event.
struct warning {
    std::string                        code, message, hint;
    std::map<std::string, std::string> details;
};
using warning_fn = std::function<void(const warning &)>;

} // namespace forja
