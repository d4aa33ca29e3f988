#include "train/bench.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>

#include "base/error.hpp"
#include "base/memory.hpp"
#include "base/random.hpp"
#include "llama.h"
#include "ops/cpu/kernels.hpp"
#include "optim/adamw.hpp"
#include "train/engine.hpp"

namespace forja {

namespace {

std::vector<int32_t> random_tokens(int n, int n_vocab, uint64_t key) {
    std::vector<int32_t> out(n);
    for (int i = 0; i < n; i++) {
        out[i] = (int32_t) (mix64(key + i) % (uint64_t) n_vocab);
    }
    return out;
}

// Median seconds of `steps` calls after one to warm up.
template <typename F> double median_seconds(int steps, F && pass) {
    pass(0);
    std::vector<double> times;
    for (int i = 1; i <= steps; i++) {
        const auto began = std::chrono::steady_clock::now();
        pass(i);
        times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

double train_seconds(const bench_settings & s, std::shared_ptr<model> base, profile * into, uint64_t & device_bytes) {
    std::unique_ptr<method> tuning = make_method(s.method, *base, true);
    tuning->init(1);
    engine::options options;
    options.prec                      = precision_of(s.compute_type);
    const int64_t all = (int64_t) s.max_seq_len * s.micro_batch_size; // as pass_tokens() cuts it
    options.max_tokens                = base->device().is_cpu() ? std::min(all, std::max<int64_t>(s.max_seq_len, fast_pass_tokens)) : all;
    options.max_row_tokens            = s.max_seq_len;
    options.activation_budget_bytes   = s.activation_budget_bytes;
    options.device_memory_limit_bytes = s.device_memory_limit_bytes;
    engine        e(base, tuning.get(), options);
    const int64_t rows_a_pass = e.pass_tokens() / s.max_seq_len;
    const double  seconds = median_seconds(s.steps, [&](int step) {
        if (step == 1) { // the first one warms up
            e.runner().set_profile(into);
        }
        std::vector<micro_batch> passes;
        size_t                   supervised = 0;
        for (int i = 0; i < s.micro_batch_size; i++) {
            if (i % rows_a_pass == 0) {
                passes.emplace_back();
            }
            std::vector<uint32_t> row;
            for (int32_t id : random_tokens(s.max_seq_len, base->hp().n_vocab, stream_key(step, i))) {
                row.push_back((uint32_t) id | 0x80000000u);
            }
            append_row(passes.back(), row.data(), row.size(), s.max_seq_len, i);
            supervised += row.size() - 1;
        }
        tuning->params().zero_grads();
        for (const micro_batch & mb : passes) {
            e.accumulate_gradients(mb, 1.0f / (float) supervised, step);
        }
        const double norm = global_grad_norm(e.runner(), tuning->params());
        adamw_step(e.runner(), tuning->params(), adamw_settings(), 1e-4, step + 1, norm);
    });
    device_bytes = e.device_bytes();
    return seconds;
}

// What all threads of the CPU reach together in loops that only multiply and add.
double peak_gflops(device & dev) {
    const cpu::peak_kind kind = cpu::fastest_product() == cpu::product_type::bf16 ? cpu::peak_kind::bf16_dot : cpu::peak_kind::fma;
    double               best = 0;
    for (int i = 0; i < 5; i++) {
        std::atomic<int64_t> flops{0};
        const auto           began = std::chrono::steady_clock::now();
        dev.team().run([&](int, int) {
            float keep;
            flops += (int64_t) cpu::peak_loop(kind, 1000000, &keep);
        });
        best = std::max(best, (double) flops / std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
    return 1e-9 * best;
}

// On the device and on no other: libllama would spread the layers over all GPUs that it finds.
double forward_seconds(const bench_settings & s, const device & dev) {
    llama_model_params mp        = llama_model_default_params();
    ggml_backend_dev_t devices[] = {dev.dev(), nullptr};
    mp.n_gpu_layers              = dev.is_cpu() ? 0 : 999;
    mp.devices                   = dev.is_cpu() ? nullptr : devices;
    std::unique_ptr<llama_model, decltype(&llama_model_free)> m(llama_model_load_from_file(s.model_path.c_str(), mp), llama_model_free);
    if (!m) {
        throw error("model_unloadable", "llama.cpp can't load " + s.model_path, "Choose another model.", {{"path", s.model_path}});
    }
    llama_context_params cp = llama_context_default_params();
    cp.n_ctx = cp.n_batch = cp.n_ubatch = s.max_seq_len;
    cp.n_threads = cp.n_threads_batch = dev.threads();
    cp.no_perf = true;
    std::unique_ptr<llama_context, decltype(&llama_free)> ctx(llama_init_from_model(m.get(), cp), llama_free);
    if (!ctx) {
        throw failure("out_of_memory", "llama.cpp can't make a context of " + std::to_string(s.max_seq_len) + " tokens",
                      "Close other programs, or lower max_seq_len.");
    }
    const int n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(m.get()));
    return median_seconds(s.steps, [&](int step) {
        std::vector<int32_t> tokens = random_tokens(s.max_seq_len, n_vocab, stream_key(step));
        llama_memory_clear(llama_get_memory(ctx.get()), true);
        if (llama_decode(ctx.get(), llama_batch_get_one(tokens.data(), (int32_t) tokens.size())) != 0) {
            throw failure("compute_failed", "llama.cpp's forward pass failed");
        }
        llama_synchronize(ctx.get());
    });
}

} // namespace

bench_result run_bench(const bench_settings & s) {
    bench_result r;
    auto         file = gguf_file::open(s.model_path);
    auto         dev  = device::open(s.device, s.threads);
    r.base_type       = ggml_type_name(most_common_type(*file));
    r.file_size_bytes = file->file_size_bytes();
    r.threads         = dev->threads();
    double seconds;
    if (s.mode == "forward") {
        seconds = forward_seconds(s, *dev);
        r.tokens_per_second = s.max_seq_len / seconds;
    } else {
        profile * into = s.mode == "profile" ? &r.operations : nullptr;
        seconds = train_seconds(s, model::load(file, dev, s.max_seq_len, false), into, r.device_memory_bytes);
        if (into && dev->is_cpu()) {
            r.peak_gflops = peak_gflops(*dev);
        }
        for (auto & [name, e] : r.operations.by_name) {
            e.seconds /= s.steps;
            e.flops /= s.steps;
        }
        r.tokens_per_second = (double) s.max_seq_len * s.micro_batch_size / seconds;
    }
    r.peak_memory_bytes = peak_memory_bytes();
    return r;
}

} // namespace forja
