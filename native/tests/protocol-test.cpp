// The golden jobs of native/protocol/golden: this side completes and refuses them as the TypeScript side does
// (main/contracts/protocol.test.ts reads the same files).
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

// The command line's own sources are no library; this one has no other dependency.
#include "../cli/job.cpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja::test;

namespace {

const std::string golden = std::string(FORJA_TEST_DATA) + "/../protocol/golden/";

/// Calls `use` with each line of a golden file and its number from 1; at least one line must be there.
template <typename F> void each_line(const std::string & name, F use) {
    std::ifstream in(golden + name);
    std::string   line;
    int           number = 0;
    while (std::getline(in, line)) {
        use(nlohmann::json::parse(line), name + ":" + std::to_string(++number));
    }
    check(number > 0, name + " has lines");
}

nlohmann::json read(const nlohmann::json & job, const temporary_folder & folder) {
    const std::string path = folder.path("job.json");
    std::ofstream(path) << job;
    return forja::read_job(path);
}

void completes_jobs() {
    const temporary_folder folder;
    each_line("jobs.jsonl", [&](const nlohmann::json & line, const std::string & where) {
        const nlohmann::json job = read(line["given"], folder);
        check(job == line["completed"], where + " is completed as declared");
        check(read(job, folder) == job, where + " stays as it is when it is complete");
    });
}

void refuses_jobs() {
    const temporary_folder folder;
    each_line("bad-jobs.jsonl", [&](const nlohmann::json & line, const std::string & where) {
        std::string field = "none";
        try {
            read(line["job"], folder);
        } catch (const forja::error & e) {
            field = e.code == "job_invalid" ? e.details.at("field") : e.code;
        }
        check(field == line["field"], where + " is refused for " + line["field"].get<std::string>() + ", got " + field);
    });
}

} // namespace

int main() {
    completes_jobs();
    refuses_jobs();
    return result();
}
