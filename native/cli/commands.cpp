#include "commands.hpp"

#include <map>

namespace forja {

job_result run_job(const nlohmann::json & job, event_writer & out) {
    using command = job_result (*)(const nlohmann::json &, event_writer &);
    static const std::map<std::string, command> commands{
        {"train", train_command},     {"score", score_command},   {"tokenize", tokenize_command}, {"inspect", inspect_command},
        {"export", export_command},   {"verify", verify_command}, {"devices", devices_command},   {"bench", bench_command},
    };
    return commands.at(job["type"])(job, out);
}

} // namespace forja
