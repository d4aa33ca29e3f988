// The forward product of each type of weight, ggml's beside ours, on one thread:
//
//     products-bench LIBGGML_CPU.so [avx2|avx512|avx512_bf16] [tokens]
//
// LIBGGML_CPU.so is one of llama.cpp's builds of its CPU backend (node_modules/@node-llama-cpp/*/bins/*/), so that a newer machine can
// measure what an older one would do. Times are the process's processor time, the best of several runs.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <vector>

#include "base/random.hpp"
#include "ggml-backend.h"
#include "ggml-cpp.h"
#include "ops/cpu/kernels.hpp"

using namespace forja;

namespace {

constexpr int64_t n_in = 1536, n_out = 1536;

double best_seconds(const std::function<void()> & fn) {
    fn(); // caches, pages
    double best = 1e30;
    for (int i = 0; i < 6; i++) {
        const std::clock_t began = std::clock();
        fn();
        best = std::min(best, (double) (std::clock() - began) / CLOCKS_PER_SEC);
    }
    return best;
}

std::vector<float> random_floats(int64_t n, uint64_t key) {
    std::vector<float> out(n);
    for (int64_t i = 0; i < n; i++) {
        out[i] = uniform01(key, i) - 0.5f;
    }
    return out;
}

// Our own conversion where this version has one, as the trainer chooses it.
cpu::to_float_fn conversion_of(ggml_type type) {
    const std::pair<ggml_type, cpu::stored_type> own[] = {
        {GGML_TYPE_F16, cpu::stored_type::f16},   {GGML_TYPE_Q4_0, cpu::stored_type::q4_0}, {GGML_TYPE_Q4_1, cpu::stored_type::q4_1},
        {GGML_TYPE_Q5_0, cpu::stored_type::q5_0}, {GGML_TYPE_Q5_1, cpu::stored_type::q5_1}, {GGML_TYPE_Q6_K, cpu::stored_type::q6_k},
    };
    for (auto & [known, stored] : own) {
        if (known == type && cpu::fast_to_float(stored)) {
            return cpu::fast_to_float(stored);
        }
    }
    return type == GGML_TYPE_F32 ? nullptr : ggml_get_type_traits(type)->to_float;
}

void compare(ggml_backend_t backend, ggml_type type, int64_t n_tokens) {
    ggml_init_params params{};
    params.mem_size = ggml_tensor_overhead() * 8 + ggml_graph_overhead();
    params.no_alloc = true;
    ggml_context_ptr        ctx(ggml_init(params));
    ggml_tensor *           w = ggml_new_tensor_2d(ctx.get(), type, n_in, n_out);
    ggml_tensor *           x = ggml_new_tensor_2d(ctx.get(), GGML_TYPE_F32, n_in, n_tokens);
    ggml_tensor *           y = ggml_mul_mat(ctx.get(), w, x);
    ggml_backend_buffer_ptr buffer(ggml_backend_alloc_ctx_tensors(ctx.get(), backend));
    const auto              weights = random_floats(n_in * n_out, 1), tokens = random_floats(n_in * n_tokens, 2);
    ggml_quantize_chunk(type, weights.data(), w->data, 0, n_out, n_in, nullptr);
    std::copy(tokens.begin(), tokens.end(), (float *) x->data);
    ggml_cgraph * gf = ggml_new_graph(ctx.get());
    ggml_build_forward_expand(gf, y);
    const double theirs = best_seconds([&] { ggml_backend_graph_compute(backend, gf); });

    const cpu::weight_rows     rows = {w->data, n_in, n_out, w->nb[1], ggml_blck_size(type), conversion_of(type)};
    const cpu::product_type    product = cpu::fastest_product();
    const int64_t              stride  = cpu::activation_stride(product, n_in);
    std::vector<uint16_t>      packed(cpu::activation_stride(cpu::product_type::bf16, n_in) * n_tokens);
    std::vector<char>          scratch(cpu::weight_product_scratch_bytes(rows));
    std::vector<float>         out(n_out * n_tokens);
    const bool                 bf16 = product == cpu::product_type::bf16;
    const double               ours = best_seconds([&] {
        if (bf16) {
            cpu::pack_activations(packed.data(), tokens.data(), n_in, n_in, n_tokens, 0, 1);
        }
        cpu::weight_product(product, out.data(), n_out, rows, false, bf16 ? (const void *) packed.data() : tokens.data(), stride, n_tokens, false,
                            scratch.data(), 0, 1);
    });
    const double gflop = 2e-9 * n_in * n_out * (double) n_tokens;
    std::printf("%-8s ggml %6.1f GFLOPS, ours %6.1f, ours over ggml's %.2f\n", ggml_type_name(type), gflop / theirs, gflop / ours, theirs / ours);
}

} // namespace

int main(int argc, char ** argv) {
    ggml_backend_reg_t library = argc > 1 ? ggml_backend_load(argv[1]) : nullptr;
    if (!library) {
        std::fprintf(stderr, "usage: products-bench LIBGGML_CPU.so [avx2|avx512|avx512_bf16] [tokens]\n");
        return 2;
    }
    for (const cpu::isa which : {cpu::isa::baseline, cpu::isa::avx2, cpu::isa::avx512, cpu::isa::avx512_bf16}) {
        if (argc > 2 && std::strcmp(argv[2], cpu::isa_name(which)) == 0 && !cpu::use_isa(which)) {
            std::fprintf(stderr, "this machine has no %s\n", argv[2]);
            return 2;
        }
    }
    ggml_backend_ptr backend(ggml_backend_dev_init(ggml_backend_reg_dev_get(library, 0), nullptr));
    using set_threads = void (*)(ggml_backend_t, int);
    ((set_threads) ggml_backend_reg_get_proc_address(library, "ggml_backend_set_n_threads"))(backend.get(), 1);
    std::printf("ours: %s\n", cpu::isa_name(cpu::current_isa()));
    for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0,
                                 GGML_TYPE_Q5_1, GGML_TYPE_Q2_K, GGML_TYPE_Q3_K, GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K,
                                 GGML_TYPE_IQ3_S, GGML_TYPE_IQ4_NL, GGML_TYPE_IQ4_XS, GGML_TYPE_MXFP4, GGML_TYPE_TQ2_0}) {
        compare(backend.get(), type, argc > 3 ? std::atoi(argv[3]) : 512);
    }
    return 0;
}
