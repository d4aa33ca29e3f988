// The one exception type of the trainer: a stable code, what happened, and what to do about it.
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/codes.hpp"

namespace forja {

/// How the process ends when an error reaches main(); also the process's exit code.
enum class exit_kind : int {
    ok        = 0,
    failure   = 1, // the job was sound but could not be done: disk full, out of memory, internal
    bad_input = 2, // the job, model, dataset or adapter is at fault
    stopped   = 3, // stopped on request before the end; a checkpoint was written
};

/// A code written down where it is raised; one that native/protocol/codes.schema.json does not declare among `Declared` does not
/// compile.
template <const auto & Declared> class declared_code {
  public:
    template <size_t N> consteval declared_code(const char (&name)[N]) : name_(name) {
        if (std::ranges::find(Declared, std::string_view(name)) == std::end(Declared)) {
            throw "declare the code in native/protocol/codes.schema.json, then npm run generate";
        }
    }
    operator std::string() const { return std::string(name_); }

  private:
    std::string_view name_;
};

using input_code   = declared_code<codes::bad_input>;
using failure_code = declared_code<codes::failure>;
using warning_code = declared_code<codes::warning>;

/// `code` is a stable snake_case name that the app translates by; `details` holds the message's variable parts.
struct error : std::runtime_error {
    std::string                        code;
    std::string                        hint;
    std::map<std::string, std::string> details;
    exit_kind                          kind;

    /// The input is at fault.
    error(input_code code_, const std::string & message, std::string hint_ = {},
          std::map<std::string, std::string> details_ = {})
        : error(exit_kind::bad_input, code_, message, std::move(hint_), std::move(details_)) {}

    error(exit_kind kind_, std::string code_, const std::string & message, std::string hint_, std::map<std::string, std::string> details_)
        : std::runtime_error(message), code(std::move(code_)), hint(std::move(hint_)), details(std::move(details_)), kind(kind_) {}
};

/// An error that is not the input's fault (exit code 1).
inline error failure(failure_code code, const std::string & message, std::string hint = {},
                     std::map<std::string, std::string> details = {}) {
    return error(exit_kind::failure, code, message, std::move(hint), std::move(details));
}

} // namespace forja
