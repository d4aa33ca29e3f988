#include "support/other-devices.hpp"

#include <cstdio>
#include <cstdlib>

#include "support/report.hpp"

namespace forja::test {

std::vector<device_info> other_devices() {
    load_backends(true);
    std::vector<device_info> out;
    for (const device_info & d : list_devices()) {
        if (d.type != "cpu") {
            out.push_back(d);
        }
    }
    return out;
}

int run_on_other_devices(int argc, char ** argv, const std::vector<std::string> & names,
                         const std::function<void(size_t, const device_info &)> & run) {
    const std::vector<device_info> others = other_devices();
    if (argc == 3) {
        run(std::stoul(argv[1]), others.at(std::stoul(argv[2])));
        return result();
    }
    if (others.empty()) {
        std::printf("skipped: no device but the CPU (software Vulkan: Debian's mesa-vulkan-drivers, GGML_VK_VISIBLE_DEVICES=0)\n");
        return 0;
    }
    int failed = 0;
    for (size_t d = 0; d < others.size(); d++) {
        // Mesa 22.3's llvmpipe crashes now and then in its own threads, with a single product of F16 by four columns too. That
        // says nothing about the numbers: there a case that crashed is left out, and said to be. On any other device a crash is a
        // failure.
        const bool software = others[d].description.find("llvmpipe") != std::string::npos;
        int        done     = 0;
        for (size_t c = 0; c < names.size(); c++) {
            const std::string command = "\"" + std::string(argv[0]) + "\" " + std::to_string(c) + " " + std::to_string(d);
            std::fflush(stdout);
            const int code = std::system(command.c_str());
            if (code == 0 || code == 256) { // exit codes 0 and 1: all checks were made
                done++;
                failed += code == 256;
            } else {
                std::printf("%s: %s on %s: the driver crashed\n", software ? "not run" : "FAIL", names[c].c_str(), others[d].name.c_str());
                failed += !software;
            }
        }
        std::printf("%s: %d of %zu cases ran\n", others[d].name.c_str(), done, names.size());
        failed += done == 0 && !software;
    }
    return failed > 0;
}

} // namespace forja::test
