// Where a step's time goes: seconds and floating-point operations by kind of operation.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "ggml-backend.h"
#include "ggml.h"

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

/// Floating-point operations of the nodes that were given a name of their own.
using node_flops = std::unordered_map<const ggml_tensor *, double>;

/// Computes a graph node by node, each as a graph of its own, and adds its time to `into`: under the node's name where it is in
/// `flops`, else under ggml's name of the operation.
ggml_status compute_profiled(ggml_backend_t backend, ggml_cgraph * gf, const node_flops & flops, profile & into);

} // namespace forja
