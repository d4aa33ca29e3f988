// Kernels as graph nodes: what the files share that put the CPU's own kernels into a graph. Internal to ops/.
#pragma once

#include <algorithm>
#include <vector>

#include "ops/cpu/kernels.hpp"
#include "ops/ops.hpp"

namespace forja::cpu_node {

inline float * f32(ggml_tensor * t) { return (float *) t->data; }

// A kernel as a node's user data: on ggml's threads when it gives the node several, else on the team's.
template <typename F> struct kernel_call {
    F             kernel; // (dst, ith, nth)
    thread_team * team;

    static void on_node(ggml_tensor * dst, int ith, int nth, void * user) {
        auto & call = *(kernel_call *) user;
        if (nth > 1) {
            call.kernel(dst, ith, nth);
        } else {
            call.team->run([&](int i, int n) { call.kernel(dst, i, n); });
        }
    }
};

// A custom node whose kernel is a callable taking (dst, ith, nth); it lives as long as the graph. `name`: for a profile.
template <typename F>
ggml_tensor * node(graph & g, const char * name, ggml_type type, std::initializer_list<int64_t> ne, std::vector<ggml_tensor *> args, F run) {
    int64_t d[4] = {1, 1, 1, 1};
    std::copy(ne.begin(), ne.end(), d);
    auto *        call = g.own(kernel_call<F>{std::move(run), &g.runner().dev().team()});
    ggml_tensor * t    = ggml_custom_4d(g.ctx(), type, d[0], d[1], d[2], d[3], args.data(), (int) args.size(), kernel_call<F>::on_node, GGML_N_TASKS_MAX, call);
    g.describe(t, name);
    return t;
}

template <typename F> ggml_tensor * node_inplace(graph & g, const char * name, ggml_tensor * target, std::vector<ggml_tensor *> args, F run) {
    auto *        call = g.own(kernel_call<F>{std::move(run), &g.runner().dev().team()});
    ggml_tensor * t    = ggml_custom_inplace(g.ctx(), target, args.data(), (int) args.size(), kernel_call<F>::on_node, GGML_N_TASKS_MAX, call);
    g.describe(t, name);
    return t;
}

template <typename F> ggml_tensor * node_like(graph & g, const char * name, ggml_tensor * like, std::vector<ggml_tensor *> args, F run) {
    return node(g, name, GGML_TYPE_F32, {like->ne[0], like->ne[1], like->ne[2], like->ne[3]}, std::move(args), std::move(run));
}

// Scratch of the calling thread, grown and kept: kernels run many times with the same sizes.
inline void * scratch(size_t bytes) {
    static thread_local std::vector<uint8_t> memory;
    if (memory.size() < bytes) {
        memory.resize(bytes);
    }
    return memory.data();
}

inline ggml_tensor * contiguous(graph & g, ggml_tensor * t) { return ggml_is_contiguous(t) ? t : ggml_cont(g.ctx(), t); }

/// A frozen matrix as the kernels read it; of a 3-D weight, matrix `i`.
cpu::weight_rows rows_of(const ggml_tensor * w, int64_t i = 0);

} // namespace forja::cpu_node
