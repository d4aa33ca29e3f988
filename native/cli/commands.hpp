// What each job does: reads its fields, calls the library, gives the result's data.
#pragma once

#include <nlohmann/json.hpp>

#include "events.hpp"

namespace forja {

/// A job's outcome: the result event's data, and how the process ends.
struct job_result {
    nlohmann::json data;
    exit_kind      exit = exit_kind::ok;
};

job_result run_job(const nlohmann::json & job, event_writer & out);

// One function a job type; all throw error.
job_result train_command(const nlohmann::json & job, event_writer & out);
job_result score_command(const nlohmann::json & job, event_writer & out);
job_result tokenize_command(const nlohmann::json & job, event_writer & out);
job_result inspect_command(const nlohmann::json & job, event_writer & out);
job_result export_command(const nlohmann::json & job, event_writer & out);
job_result verify_command(const nlohmann::json & job, event_writer & out);
job_result devices_command(const nlohmann::json & job, event_writer & out);
job_result bench_command(const nlohmann::json & job, event_writer & out);

/// The devices as the hello event and the devices job list them.
nlohmann::json devices_json();

} // namespace forja
