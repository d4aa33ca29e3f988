// The golden jobs of native/protocol/golden: this side completes and refuses them as the TypeScript side does
// (main/contracts/protocol.test.ts reads the same files).
#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

// The command line's own sources are no library; this one has no other dependency.
#include "../cli/job.cpp"
#include "../cli/read-settings.hpp"
#include "base/shell-word.hpp"
#include "peft/method-kind.hpp"
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

/// What the schema tells the screens of exports is what the methods do.
void says_what_can_be_exported() {
    std::ifstream        in(std::string(FORJA_TEST_DATA) + "/../protocol/job.schema.json");
    const nlohmann::json schema = nlohmann::json::parse(in);
    std::set<std::string> named;
    for (const auto & [format, methods] : schema["export_methods"].items()) {
        for (const forja::method_kind * kind : forja::method_kinds()) {
            const bool listed = std::find(methods.begin(), methods.end(), kind->name()) != methods.end();
            check(listed == !kind->refuses(format), std::string(kind->name()) + " as " + format);
            named.insert(kind->name());
        }
    }
    const auto & methods = schema["$defs"]["train"]["properties"]["method"]["enum"];
    check(named == std::set<std::string>(methods.begin(), methods.end()), "the schema has the methods that there are");
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

void follows_tags() {
    std::ifstream        in(golden + "tagged-jobs.json");
    const nlohmann::json file   = nlohmann::json::parse(in);
    const auto           to_job = [](nlohmann::json given) {
        given["protocol_major"] = 1;
        return given;
    };
    for (const nlohmann::json & line : file["completed"]) {
        nlohmann::json completed = to_job(line[0]);
        completed.update(line[1]);
        const nlohmann::json got = forja::complete_job(to_job(line[0]), file["schema"]);
        check(got == completed, line[0].dump() + " is completed with what its tags have, got " + got.dump());
    }
    for (const nlohmann::json & line : file["refused"]) {
        std::string field = "none";
        try {
            forja::complete_job(to_job(line[0]), file["schema"]);
        } catch (const forja::error & e) {
            field = e.code == "job_invalid" ? e.details.at("field") : e.code;
        }
        check(field == line[1], line[0].dump() + " is refused for " + line[1].get<std::string>() + ", got " + field);
    }
}

// The structs are the schema's, each field and each default. A struct has the settings of every method and objective; those that a job
// does not have stay at their defaults.
void gives_structs() {
    const temporary_folder folder;
    nlohmann::json         defaults = nlohmann::json::object();
    each_line("jobs.jsonl", [&](const nlohmann::json & line, const std::string & where) {
        if (line["given"]["type"] != "train") {
            return;
        }
        nlohmann::json back, unnamed;
        const auto     settings = forja::read_settings<forja::train_settings>(line["completed"]);
        forja::each_field(settings, [&](const char * name, const auto & value) {
            nlohmann::json & into = line["completed"].contains(name) ? back : unnamed;
            if constexpr (requires { value.has_value(); }) {
                into[name] = value ? nlohmann::json(*value) : nlohmann::json(nullptr);
            } else {
                into[name] = value;
            }
        });
        const auto standard = forja::read_settings<forja::train_settings>(nlohmann::json::object());
        forja::each_field(standard, [&](const char * name, const auto & value) {
            if (!unnamed.contains(name)) {
                return;
            }
            if constexpr (!requires { value.has_value(); }) {
                check(unnamed[name] == nlohmann::json(value), where + " leaves " + name + " at its default");
            }
        });
        back["protocol_major"] = 1;
        back["type"]           = "train";
        check(back == line["completed"], where + " comes into the struct whole, got " + back.dump());
    });
    // The first golden job names no setting, and one of each objective names nothing else.
    bool is_first = true;
    each_line("jobs.jsonl", [&](const nlohmann::json & line, const std::string &) {
        if (is_first || (line["given"]["type"] == "train" && line["given"].value("objective", "sft") != "sft")) {
            for (const auto & [name, value] : line["completed"].items()) {
                defaults.emplace(name, value); // the first one's stay
            }
        }
        is_first = false;
    });
    forja::each_setting(forja::train_settings(), [&](const char * name, const auto & value, forja::resume_rule) {
        if constexpr (requires { value.has_value(); }) {
            check(!value && defaults.at(name).is_null(), std::string(name) + " has the schema's default");
        } else {
            check(defaults.at(name) == nlohmann::json(value), std::string(name) + " has the schema's default");
        }
    });
}

void quotes_words() {
    check(forja::shell_word("/runs/first_1.2") == "/runs/first_1.2", "a plain path needs no quotes");
    for (const std::string text : {"", "-x", "my runs", "$HOME", "`id`", "a;b", "~", "é", "a\nb"}) {
        check(forja::shell_word(text) == "'" + text + "'", "quoted: " + text);
    }
#ifdef _WIN32
    check(forja::shell_word("C:\\it's") == "'C:\\it''s'", "PowerShell's quotes");
#else
    check(forja::shell_word("it's") == "'it'\\''s'", "a quote inside of POSIX's quotes");
#endif
}

} // namespace

int main() {
    quotes_words();
    follows_tags();
    gives_structs();
    says_what_can_be_exported();
    completes_jobs();
    refuses_jobs();
    return result();
}
