// Reads a job file and checks it against native/protocol/job.schema.json, which the program carries inside.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace forja {

/// The job with every default filled in. Unknown fields stay; null counts as absent where the schema's default is null.
/// @throws error: job_unreadable, job_invalid (names the field, what it is and what it may be), protocol_mismatch
nlohmann::json read_job(const std::string & path);

/// The same for a job that was read already, by any schema of this form. @throws error: job_invalid, protocol_mismatch
nlohmann::json complete_job(nlohmann::json job, const nlohmann::json & schema);

} // namespace forja
