// How fast the trainer is on a model, and how fast llama.cpp's own forward pass is on the same file: the yardstick.
#pragma once

#include <string>
#include <vector>

#include "base/settings.hpp"
#include "ops/graph.hpp"
#include "ops/profile.hpp"
#include "peft/method.hpp"

namespace forja {

struct bench_result {
    std::string base_type;
    double      tokens_per_second = 0; // median over the timed passes
    uint64_t    peak_memory_bytes = 0, file_size_bytes = 0;
    uint64_t    device_memory_bytes = 0; // of training, on the device: weights (not on the CPU), adapter, activations
    int         threads           = 0;
    double      peak_gflops       = 0; // mode profile
    profile     operations;            // mode profile: of one step
};

/// mode train: whole optimiser steps on random tokens, every token supervised. mode forward: llama_decode of one prompt of
/// max_seq_len tokens with logits for the last one, what llama-bench calls pp. mode profile: as train, each operation timed by
/// itself, and the peak of the machine beside it.
bench_result run_bench(const bench_settings & s);

} // namespace forja
