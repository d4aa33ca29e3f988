// A program as JSON: to pass it between processes, keep it, or look at it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "trace/program.hpp"

namespace forja::trace {

nlohmann::json to_json(const program & p);

/// @throws nlohmann::json::exception where something is missing or of another kind
program program_from_json(const nlohmann::json & j);

} // namespace forja::trace
