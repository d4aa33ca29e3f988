// The one exception type of the trainer: a stable code, what happened, and what to do about it.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <utility>

namespace forja {

/// How the process ends when an error reaches main(); also the process's exit code.
enum class exit_kind : int {
    ok        = 0,
    failure   = 1, // the job was sound but could not be done: disk full, out of memory, internal
    bad_input = 2, // the job, model, dataset or adapter is at fault
    stopped   = 3, // stopped on request before the end; a checkpoint was written
};

/// `code` is a stable snake_case name that the app translates by; `details` holds the message's variable parts.
struct error : std::runtime_error {
    std::string                        code;
    std::string                        hint;
    std::map<std::string, std::string> details;
    exit_kind                          kind;

    error(std::string code_, const std::string & message, std::string hint_ = {},
          std::map<std::string, std::string> details_ = {}, exit_kind kind_ = exit_kind::bad_input)
        : std::runtime_error(message), code(std::move(code_)), hint(std::move(hint_)), details(std::move(details_)),
          kind(kind_) {}
};

/// An error that is not the input's fault (exit code 1).
inline error failure(std::string code, const std::string & message, std::string hint = {},
                     std::map<std::string, std::string> details = {}) {
    return error(std::move(code), message, std::move(hint), std::move(details), exit_kind::failure);
}

} // namespace forja
