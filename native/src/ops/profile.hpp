// Where a step's time goes: seconds and floating-point operations by kind of operation.
#pragma once

#include <map>
#include <string>

namespace forja {

struct profile {
    struct entry {
        double  seconds = 0;
        double  flops   = 0; // 0 where nobody counts them
        int64_t calls   = 0;
    };
    std::map<std::string, entry> by_name;

    void add(const std::string & name, double seconds, double flops) {
        entry & e = by_name[name];
        e.seconds += seconds;
        e.flops += flops;
        e.calls++;
    }
};

} // namespace forja
