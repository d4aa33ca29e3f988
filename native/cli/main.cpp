// forja-trainer JOB.json: reads a job, writes events on stdout (JSON Lines) and logs on stderr, takes commands on stdin.
// Exit codes: 0 done, 1 failed at run time, 2 bad input, 3 stopped on request.
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>

#include "base/llama-log.hpp"
#include "commands.hpp"
#include "job.hpp"
#include "ops/device.hpp"
#include "starter.hpp"

int main(int argc, char ** argv) {
    using namespace forja;
    std::setlocale(LC_ALL, "C"); // numbers in JSON have a point
#ifdef SIGXFSZ
    std::signal(SIGXFSZ, SIG_IGN); // a limit on file sizes: the write fails and says so
#endif
#ifndef _WIN32
    std::signal(SIGPIPE, SIG_IGN); // a reader that went away: end of stdin says so, and the run ends with a checkpoint
#endif
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
        std::printf("forja-trainer %s (llama.cpp %s)\n", FORJA_TRAINER_VERSION, FORJA_LLAMA_RELEASE);
        return 0;
    }
    if (argc != 2) {
        std::fprintf(stderr, "Usage: forja-trainer JOB.json\nThe job's fields are described in native/protocol/job.schema.json.\n");
        return (int) exit_kind::bad_input;
    }
    quiet_llama_log();
    event_writer out;
    out.tell_of_lost_pages();
    try {
        load_backends(false);
        nlohmann::json job = read_job(argv[1]);
        std::optional<error> busy; // told after the greeting, which comes first
        if (job["type"] == "train") {
            try {
                out.keep_in(job["out_dir"]);
            } catch (const error & e) {
                busy = e;
            }
            out.tell_of_lost_pages();
        } else if (job["type"] != "tokenize") { // whose rows come on stdin: their end is the job's
            end_with_starter(out);
        }
        const bool gpus = job["type"] == "devices" || (job.contains("device") && job["device"] != "cpu");
        if (gpus) {
            load_backends(true);
        }
        out.emit("hello", {{"protocol_major", 1},
                           {"protocol_minor", 0},
                           {"trainer_version", FORJA_TRAINER_VERSION},
                           {"llama_cpp_release", FORJA_LLAMA_RELEASE},
                           {"devices", devices_json()}});
        if (busy) {
            throw error(*busy);
        }
        job_result result = run_job(job, out);
        result.data["job"] = job["type"];
        out.emit("result", result.data);
        return (int) result.exit;
    } catch (const abandoned &) {
        return (int) exit_kind::stopped;
    } catch (const error & e) {
        out.fail(e);
        return (int) e.kind;
    } catch (const std::bad_alloc &) {
        out.fail(failure("out_of_memory", "The machine has not enough free memory for this job",
                         "Close other programs, lower max_seq_len or lora_rank, or choose a smaller model."));
    } catch (const std::exception & e) {
        out.fail(failure("internal", e.what(), "Please report this with the job's settings."));
    }
    return (int) exit_kind::failure;
}
