// A GPU backend's library that can't be loaded: the trainer says so in its own words, once, and goes on with the other devices.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja::test;

#if defined(__linux__) && defined(FORJA_LLAMA_PREBUILT)

namespace {

size_t count(const std::string & text, const std::string & what) {
    size_t n = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        n++;
    }
    return n;
}

} // namespace

int main() {
    // The trainer looks for backends beside itself first.
    const temporary_folder folder;
    std::filesystem::copy_file(std::getenv("FORJA_TRAINER"), folder.path("forja-trainer"));
    std::ofstream(folder.path("libggml-cuda.so")) << "This is not a library, however long one reads it, and reads it again.";
    std::ofstream(folder.path("job.json")) << R"({"protocol_major":1,"protocol_minor":0,"type":"devices"})";
    const std::string command = "cd '" + folder.path() + "' && ./forja-trainer job.json > out.jsonl 2> log.txt";
    check(std::system(command.c_str()) == 0, "the job is done");
    check(count(read_all(folder.path("out.jsonl")), R"("name":"cpu")") > 0, "the CPU is listed");
    const std::string log = read_all(folder.path("log.txt"));
    std::printf("%s", log.c_str());
    check(count(log, "load_backend") == 0, "ggml's own words are left out");
    check(count(log, "The CUDA backend is not used here") >= 1 && count(log, "invalid ELF header") == 1, "ours say which backend and why, once for each file");
    return result();
}

#else

int main() {
    std::printf("skipped: the backends are linked in\n");
    return 77; // counted as skipped, see CMakeLists.txt
}

#endif
