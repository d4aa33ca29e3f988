// forja-fuzz: mutates sound files and reads them as Forja does, with any compiler. Every input follows from target, seed and number alone.
//
//   forja-fuzz TARGET|all [--runs N] [--first I] [--seed S] [--seconds S] [--keep FOLDER]
//   forja-fuzz TARGET FILE…       reads these files
//
// A child reads the inputs; when it crashes, takes more than 5 s of processor time or too much memory, the input goes to FOLDER and another
// child goes on behind it. Ends with a line of JSON a target; exit code 1 when something was found.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <nlohmann/json.hpp>

#include "base/hash.hpp"
#include "base/llama-log.hpp"
#include "targets.hpp"

using namespace forja::fuzz;
namespace fs = std::filesystem;

namespace {

constexpr int      hang_seconds = 5;
constexpr uint64_t memory_bytes = uint64_t{1} << 30; // of a child, beside what it maps of files

struct options {
    uint64_t    runs = 1000, first = 0, seed = 1, seconds = 0;
    std::string keep = "findings";
};

/// What the child tells while it runs, in memory that both see.
struct board {
    volatile uint64_t at;
    uint64_t          refused, passed;
    char              text[512];
    char              codes[64][48];
    uint64_t          counts[64];
};

std::string input_of(const target & t, const std::vector<std::string> & seeds, uint64_t seed, uint64_t i) {
    dice        d(forja::stream_key(seed, forja::fnv1a(t.name, std::strlen(t.name), forja::fnv1a_start), i));
    std::string bytes = seeds[d.below(seeds.size())];
    for (uint64_t k = 0, n = d.one_in(4) ? 1 + d.below(3) : 1; k < n; ++k) { // one thing at a time comes furthest
        t.mutate(bytes, d);
    }
    return bytes;
}

void count(board & b, const std::string & code) {
    (code.empty() ? b.passed : b.refused) += 1;
    for (size_t k = 0; k < 64; ++k) {
        if (b.codes[k][0] == 0) {
            std::snprintf(b.codes[k], sizeof b.codes[k], "%s", code.empty() ? "accepted" : code.c_str());
        }
        if (code == b.codes[k] || (code.empty() && std::strcmp(b.codes[k], "accepted") == 0)) {
            b.counts[k] += 1;
            return;
        }
    }
}

[[noreturn]] void child(const target & t, const std::vector<std::string> & seeds, const options & o, uint64_t last, board & b) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(FORJA_SANITIZE)
    const rlimit data{memory_bytes, memory_bytes};
    setrlimit(RLIMIT_DATA, &data);
#endif
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    for (uint64_t i = b.at; i < last; ++i) {
        b.at                    = i;
        const std::string bytes = input_of(t, seeds, o.seed, i);
        // Processor time, so that a busy machine makes no hang; and a bound on waiting.
        const itimerval limit{{0, 0}, {hang_seconds, 0}}, none{};
        setitimer(ITIMER_PROF, &limit, nullptr);
        alarm(60);
        try {
            count(b, t.run(bytes));
        } catch (const finding & f) {
            std::snprintf(b.text, sizeof b.text, "%s", f.what());
            _exit(99);
        }
        setitimer(ITIMER_PROF, &none, nullptr);
        alarm(0);
    }
    b.at = last;
    _exit(0);
}

/// @return how many were found
uint64_t campaign(const target & t, const options & o) {
    workshop::get();
    const std::vector<std::string> seeds = t.seeds();
    auto * b = static_cast<board *>(mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    b->at    = o.first;
    const auto     began = std::chrono::steady_clock::now();
    const auto     spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
    uint64_t       found = 0, peak = 0, chunk = 500;
    const uint64_t last  = o.first + o.runs;
    while (b->at < last && (o.seconds == 0 || spent() < static_cast<double>(o.seconds))) {
        std::memset(b->text, 0, sizeof b->text);
        std::fflush(nullptr);
        const pid_t pid = fork();
        if (pid == 0) {
            child(t, seeds, o, std::min(last, b->at + chunk), *b);
        }
        int    status = 0;
        rusage use{};
        wait4(pid, &status, 0, &use);
        peak = std::max<uint64_t>(peak, static_cast<uint64_t>(use.ru_maxrss) * 1024);
        if (status == 0) {
            continue;
        }
        const std::string how = b->text[0] ? b->text : WIFSIGNALED(status) ? (WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGPROF ? "a hang of over 5 s" : std::string("a crash: ") + strsignal(WTERMSIG(status)))
                                                     : "it ended with " + std::to_string(WEXITSTATUS(status));
        fs::create_directories(o.keep);
        const std::string path  = o.keep + "/" + t.name + "-" + std::to_string(o.seed) + "-" + std::to_string(b->at);
        const std::string bytes = input_of(t, seeds, o.seed, b->at);
        std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        std::fprintf(stderr, "FOUND %s: %s\n", path.c_str(), how.c_str());
        ++found;
        b->at = b->at + 1;
    }
    nlohmann::json codes = nlohmann::json::object();
    for (size_t k = 0; k < 64 && b->codes[k][0]; ++k) {
        codes[b->codes[k]] = b->counts[k];
    }
    const nlohmann::json line = {{"target", t.name}, {"seed", o.seed}, {"runs", b->at - o.first}, {"refused", b->refused},
                                 {"accepted", b->passed}, {"findings", found}, {"peak_rss_bytes", peak}, {"seconds", spent()}, {"codes", codes}};
    std::fprintf(stderr, "%s\n", line.dump().c_str());
    munmap(b, sizeof(board));
    return found;
}

int read_files(const target & t, char ** from, char ** to) {
    for (; from < to; ++from) {
        std::ifstream     in(*from, std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(in), {}};
        const std::string code = t.run(bytes);
        std::fprintf(stderr, "%s: %s\n", *from, code.empty() ? "accepted" : code.c_str());
    }
    return 0;
}

} // namespace

int main(int argc, char ** argv) {
    forja::quiet_llama_log();
    setenv("GGML_NO_BACKTRACE", "1", 1); // a debugger takes so long over an abort that it looks like a hang
    options     o;
    std::string name;
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        if (arg.rfind("--", 0) == 0 && i + 1 < argc) {
            const char * value = argv[++i];
            if (arg == "--keep") {
                o.keep = value;
            } else {
                uint64_t * number = arg == "--runs" ? &o.runs : arg == "--first" ? &o.first : arg == "--seed" ? &o.seed : arg == "--seconds" ? &o.seconds : nullptr;
                if (!number) {
                    std::fprintf(stderr, "forja-fuzz: unknown option %s\n", arg.c_str());
                    return 2;
                }
                *number = std::strtoull(value, nullptr, 10);
            }
        } else if (name.empty()) {
            name = arg;
        } else if (const target * t = find_target(name)) {
            return read_files(*t, argv + i, argv + argc);
        }
    }
    uint64_t found = 0, done = 0;
    for (const target & t : targets()) {
        if (name == "all" || name == t.name) {
            found += campaign(t, o);
            ++done;
        }
    }
    if (done == 0) {
        std::fprintf(stderr, "use: forja-fuzz TARGET|all [--runs N] [--first I] [--seed S] [--seconds S] [--keep FOLDER]\n     forja-fuzz TARGET FILE…\n");
        for (const target & t : targets()) {
            std::fprintf(stderr, "  %-11s %s\n", t.name, t.about);
        }
        return 2;
    }
    return found > 0 ? 1 : 0;
}
