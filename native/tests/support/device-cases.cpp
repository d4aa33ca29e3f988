#include "support/device-cases.hpp"

#include <cstdio>

#include "support/report.hpp"

namespace forja::test {

int device_test(int argc, char ** argv, const std::vector<std::string> & cases, const std::function<void()> & everywhere,
                const std::function<void(size_t, const device_info &)> & on_device) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "--cases") {
        for (const std::string & name : cases) {
            std::printf("%s\n", name.c_str());
        }
        return 0;
    }
    if (what == "--case" && argc == 4) {
        load_backends(true);
        for (const device_info & d : list_devices()) {
            if (d.name == argv[3]) {
                on_device(std::stoul(argv[2]), d);
                return result();
            }
        }
        std::printf("There is no device %s here.\n", argv[3]);
        return 2;
    }
    everywhere();
    return result();
}

} // namespace forja::test
