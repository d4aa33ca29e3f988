// The same targets for libFuzzer, which finds its way by what the code does. FORJA_FUZZ_TARGET names one; the corpus folder is filled with
// the fixtures' files when it is empty.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/llama-log.hpp"
#include "targets.hpp"

using namespace forja::fuzz;

namespace {

const target & chosen() {
    static const target & t = []() -> const target & {
        const char *   name  = std::getenv("FORJA_FUZZ_TARGET");
        const target * found = find_target(name ? name : "");
        if (!found) {
            std::fprintf(stderr, "Name a target in FORJA_FUZZ_TARGET: forja-fuzz lists them.\n");
            std::exit(2);
        }
        return *found;
    }();
    return t;
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int * argc, char *** argv) {
    forja::quiet_llama_log();
    for (int i = 1; i < *argc; ++i) {
        const std::filesystem::path corpus = (*argv)[i];
        if (std::filesystem::is_directory(corpus) && std::filesystem::is_empty(corpus)) {
            int n = 0;
            for (const std::string & bytes : chosen().seeds()) {
                std::ofstream(corpus / ("seed-" + std::to_string(n++)), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
            }
        }
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    try {
        chosen().run({reinterpret_cast<const char *>(data), size});
    } catch (const finding & f) {
        std::fprintf(stderr, "FOUND: %s\n", f.what());
        std::abort();
    }
    return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t * data, size_t size, size_t max_size);

// Half of the mutations are libFuzzer's own, with its dictionary; half know the file's form.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t * data, size_t size, size_t max_size, unsigned int seed) {
    dice d(forja::stream_key(seed, 0x66757a7a));
    if (d.one_in(2)) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    std::string bytes(reinterpret_cast<const char *>(data), size);
    chosen().mutate(bytes, d);
    bytes.resize(std::min(bytes.size(), max_size));
    std::memcpy(data, bytes.data(), bytes.size());
    return bytes.size();
}
