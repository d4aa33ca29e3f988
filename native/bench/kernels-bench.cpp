// Times the fused CPU kernels on one core, beside that core's own peak: `kernels-bench
// [baseline|avx2|avx512|avx512_bf16]`. Times are the thread's processor time, the best of several runs, so that a busy
// machine disturbs them little.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "ops/cpu/kernels.hpp"

using namespace forja::cpu;

namespace {

double seconds_now() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
#else
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}

/// The shortest of several runs, in seconds; at most about a quarter of a second in all.
double best_seconds(const std::function<void()> & fn) {
    fn(); // caches, pages
    double best = 1e30, total = 0;
    for (int i = 0; i < 50 && (total < 0.25 || i < 3); ++i) {
        const double begin = seconds_now();
        fn();
        const double took = seconds_now() - begin;
        best              = std::min(best, took);
        total += took;
    }
    return best;
}

double peak = 0; // multiply-add, GFLOPS

void print_flops(const std::string & name, double flops, double seconds) {
    std::printf("%-52s %9.3f ms %8.1f GFLOPS %5.0f %% of peak\n", name.c_str(), 1e3 * seconds, 1e-9 * flops / seconds,
                100 * 1e-9 * flops / seconds / peak);
}

void print_elements(const std::string & name, double elements, double seconds) {
    std::printf("%-52s %9.3f ms %8.2f elements/ns\n", name.c_str(), 1e3 * seconds, 1e-9 * elements / seconds);
}

std::vector<float> random_floats(int64_t n) {
    std::vector<float> v(n);
    uint32_t           state = 1;
    for (float & x : v) {
        state = state * 1664525u + 1013904223u;
        x     = (float) (state >> 8) / (float) (1 << 23) - 1;
    }
    return v;
}

double measure_peak(peak_kind kind) {
    float        result = 0;
    double       flops  = 0;
    const double s      = best_seconds([&] { flops = peak_loop(kind, 2000000, &result); });
    return result == 0.123f ? 0 : 1e-9 * flops / s;
}

void bench_attention(int64_t head_dim, int64_t n_head, int64_t n_head_kv, int32_t n_tokens, float softcap, int32_t n_swa,
                     product_type type) {
    const int32_t         seq_start[] = {0, n_tokens};
    const attention_shape s = {head_dim, n_head, n_head_kv, n_tokens, 1, seq_start, 1 / std::sqrt((float) head_dim), softcap,
                               n_swa, type};
    const auto         q = random_floats(head_dim * n_head * n_tokens), k = random_floats(head_dim * n_head_kv * n_tokens);
    const auto         v = k, d_out = q;
    std::vector<float> out(q.size()), lse(n_head * n_tokens), dq(q.size()), dk(k.size()), dv(k.size());
    std::vector<char>  partial(attention_backward_partial_bytes(s) + 1),
        scratch(std::max(attention_forward_scratch_bytes(s), attention_backward_scratch_bytes(s)));
    double pairs = 0; // of a query and a key that it sees
    for (int64_t i = 0; i < n_tokens; ++i) {
        pairs += (double) (n_swa > 0 ? std::min<int64_t>(i + 1, n_swa) : i + 1);
    }
    const double flops = 2.0 * pairs * (double) (head_dim * n_head); // one of the products
    char         name[128];
    std::snprintf(name, sizeof name, "%s D %d, heads %d/%d, T %d%s%s", type == product_type::f32 ? "f32 " : "bf16",
                  (int) head_dim, (int) n_head, (int) n_head_kv, n_tokens,
                  softcap > 0 ? ", cap" : "", n_swa > 0 ? ", window" : "");
    print_flops(std::string("attention forward  ") + name, 2 * flops, best_seconds([&] {
        attention_forward(s, q.data(), k.data(), v.data(), out.data(), lse.data(), scratch.data(), nullptr, 0, 1);
    }));
    print_flops(std::string("attention backward ") + name, 5 * flops, best_seconds([&] {
        attention_backward(s, q.data(), k.data(), v.data(), out.data(), lse.data(), d_out.data(), dq.data(), dk.data(),
                           dv.data(), partial.data(), scratch.data(), nullptr, 0, 1);
        attention_backward_reduce(s, dq.data(), partial.data(), 0, 1);
    }));
}

void bench_product(int64_t n_in, int64_t n_out, int64_t n_tokens) {
    const auto        plain = random_floats(n_in * n_out);
    const weight_rows w     = {plain.data(), n_in, n_out, n_in * sizeof(float), 1, nullptr};
    std::vector<char> scratch(weight_product_scratch_bytes(w));
    for (const product_type type : {product_type::f32, product_type::bf16}) {
        if (type == product_type::bf16 && fastest_product() != type) {
            continue;
        }
        for (const bool transposed : {false, true}) {
            const int64_t         n = transposed ? n_out : n_in, m = transposed ? n_in : n_out;
            const auto            x      = random_floats(n * n_tokens);
            const int64_t         stride = activation_stride(type, n);
            std::vector<uint16_t> packed(activation_stride(product_type::bf16, n) * n_tokens);
            std::vector<float>    y(m * n_tokens);
            pack_activations(packed.data(), x.data(), n, n, n_tokens, 0, 1);
            const void * operand = type == product_type::f32 ? (const void *) x.data() : packed.data();
            char         name[128];
            std::snprintf(name, sizeof name, "product %s [%d, %d]%s, T %d", type == product_type::f32 ? "f32 " : "bf16",
                          (int) n_in, (int) n_out, transposed ? "ᵀ" : " ", (int) n_tokens);
            print_flops(name, 2.0 * (double) (n_in * n_out * n_tokens), best_seconds([&] {
                weight_product(type, y.data(), m, w, transposed, operand, stride, n_tokens, false, scratch.data(), 0, 1);
            }));
        }
    }
}

/// The end of the network for n_rows tokens: logits, loss, and the gradient of what the logits were made from.
void bench_head(int64_t n_embd, int64_t n_vocab, int64_t n_rows) {
    const product_type type = fastest_product();
    const auto         plain = random_floats(n_embd * n_vocab), x = random_floats(n_embd * n_rows);
    const weight_rows  w     = {plain.data(), n_embd, n_vocab, n_embd * sizeof(float), 1, nullptr};
    const int64_t      stride = logits_stride(n_vocab), x_stride = activation_stride(type, n_embd);
    std::vector<char>     scratch(weight_product_scratch_bytes(w));
    std::vector<uint16_t> packed(activation_stride(product_type::bf16, n_embd) * n_rows);
    std::vector<float>    logits(stride * n_rows), dx(n_embd * n_rows), loss(n_rows);
    std::vector<int32_t>  labels(n_rows, 77);
    pack_activations(packed.data(), x.data(), n_embd, n_embd, n_rows, 0, 1);
    const bool    bf16  = type == product_type::bf16;
    const double  flops = 2.0 * (double) (n_embd * n_vocab * n_rows);
    const auto    name  = [&](const char * part) {
        return std::string(part) + (bf16 ? " bf16 " : " f32 ") + "[" + std::to_string(n_embd) + ", " + std::to_string(n_vocab) + "], T " + std::to_string(n_rows);
    };
    print_flops(name("head, logits"), flops, best_seconds([&] {
        weight_product(type, logits.data(), stride, w, false, bf16 ? (const void *) packed.data() : x.data(), x_stride, n_rows, false,
                       scratch.data(), 0, 1);
    }));
    print_elements(name("head, loss"), (double) (n_vocab * n_rows), best_seconds([&] {
        cross_entropy(logits.data(), stride, labels.data(), loss.data(), n_vocab, n_rows, 1, 0, bf16, 0, 1);
    }));
    print_flops(name("head, gradient"), flops, best_seconds([&] {
        weight_product(type, dx.data(), n_embd, w, true, logits.data(), bf16 ? 2 * stride : stride, n_rows, false, scratch.data(), 0, 1);
    }));
}

void bench_thin(int64_t n, int64_t r, int64_t n_tokens) {
    const auto         x = random_floats(n * n_tokens), small = random_floats(r * n_tokens), m = random_floats(n * r);
    std::vector<float> acc(n * r), y(n * n_tokens), u(r * n_tokens);
    const double       flops = 2.0 * (double) (n * r * n_tokens);
    char               name[128];
    std::snprintf(name, sizeof name, "n %d, r %d, T %d", (int) n, (int) r, (int) n_tokens);
    print_flops(std::string("outer wide (dA)        ") + name, flops, best_seconds([&] {
        outer_accumulate_wide(acc.data(), x.data(), n, small.data(), r, n, r, n_tokens, 1, 0, 1);
    }));
    print_flops(std::string("outer thin (dB)        ") + name, flops, best_seconds([&] {
        outer_accumulate_thin(acc.data(), x.data(), n, small.data(), r, n, r, n_tokens, 1, 0, 1);
    }));
    for (const bool n_fastest : {true, false}) {
        const thin_layout layout = n_fastest ? thin_layout::n_fastest : thin_layout::r_fastest;
        print_flops(std::string(n_fastest ? "reduce n_fastest (Ax)  " : "reduce r_fastest (Bᵀdy)") + name, flops,
                    best_seconds([&] {
                        thin_reduce(u.data(), r, m.data(), layout, x.data(), n, n, r, n_tokens, 1, false, 0, 1);
                    }));
        print_flops(std::string(n_fastest ? "expand n_fastest (Aᵀdu)" : "expand r_fastest (Bu)  ") + name, flops,
                    best_seconds([&] {
                        thin_expand(y.data(), n, m.data(), layout, small.data(), r, n, r, n_tokens, 1, true, 0, 1);
                    }));
    }
}

void bench_elementwise() {
    const int64_t n_ff = 1536, n_tokens = 512, n = n_ff * n_tokens;
    const auto         gate = random_floats(n), up = gate, d_h = gate;
    std::vector<float> h(n), d_gate(n), d_up(n);
    for (const glu_kind kind : {glu_kind::silu, glu_kind::gelu_tanh}) {
        const char * name = kind == glu_kind::silu ? "silu" : "gelu_tanh";
        print_elements(std::string("glu forward  ") + name, (double) n, best_seconds([&] {
            glu_forward(kind, gate.data(), up.data(), n_ff, h.data(), n_ff, n_tokens, 0, 1);
        }));
        print_elements(std::string("glu backward ") + name, (double) n, best_seconds([&] {
            glu_backward(kind, gate.data(), up.data(), n_ff, d_h.data(), d_gate.data(), d_up.data(), n_ff, n_tokens, 0, 1);
        }));
    }
    const int64_t        n_vocab = 49152, n_rows = 32;
    const auto           logits = random_floats(n_vocab * n_rows);
    auto                 work   = logits;
    std::vector<int32_t> labels(n_rows, 77);
    std::vector<float>   loss(n_rows);
    for (const float cap : {0.0f, 30.0f}) {
        const std::string suffix = cap > 0 ? ", cap" : "";
        print_elements("cross entropy loss" + suffix, (double) (n_vocab * n_rows), best_seconds([&] {
            cross_entropy_loss(logits.data(), n_vocab, labels.data(), loss.data(), n_vocab, n_rows, cap, 0, 1);
        }));
        print_elements("cross entropy and gradient" + suffix, (double) (n_vocab * n_rows), best_seconds([&] {
            cross_entropy(work.data(), n_vocab, labels.data(), loss.data(), n_vocab, n_rows, 1, cap, false, 0, 1);
        }));
    }
    const int64_t n_embd = 576;
    print_elements("rms norm forward with residual", (double) (n_embd * n_tokens), best_seconds([&] {
        rms_norm_forward(h.data(), d_gate.data(), gate.data(), up.data(), loss.data() ? gate.data() : nullptr, n_embd,
                         n_tokens, 1e-5f, 0, 1);
    }));
    print_elements("rms norm backward", (double) (n_embd * n_tokens), best_seconds([&] {
        rms_norm_backward(h.data(), gate.data(), gate.data(), d_h.data(), n_embd, n_tokens, 1e-5f, true, 0, 1);
    }));
    std::vector<uint16_t> bf16(n);
    const weight_rows     w = {gate.data(), 1536, 512, 1536 * sizeof(float), 1, nullptr};
    std::vector<char>     scratch(dequantise_scratch_bytes(w));
    print_elements("dequantise (F32 to BF16)", (double) n, best_seconds([&] {
        dequantise(w, 0, w.n_out, bf16.data(), scratch.data(), 0, 1);
    }));
    print_elements("dequantise_transpose (F32 to BF16)", (double) n, best_seconds([&] {
        dequantise_transpose(w, 0, w.n_out, bf16.data(), w.n_out, scratch.data(), 0, 1);
    }));
}

} // namespace

int main(int argc, char ** argv) {
    for (const isa which : {isa::baseline, isa::avx2, isa::avx512, isa::avx512_bf16}) {
        if (argc > 1 && std::strcmp(argv[1], isa_name(which)) == 0 && !use_isa(which)) {
            std::fprintf(stderr, "this machine has no %s\n", argv[1]);
            return 2;
        }
    }
    peak = measure_peak(peak_kind::fma);
    std::printf("%s on one core: multiply-add peak %.0f GFLOPS, BF16 dot peak %.0f\n", isa_name(current_isa()), peak,
                measure_peak(peak_kind::bf16_dot));
    for (const product_type type : {product_type::f32, product_type::bf16}) {
        if (type == product_type::bf16 && fastest_product() != type) {
            continue;
        }
        bench_attention(64, 9, 3, 512, 0, 0, type);
        bench_attention(64, 9, 3, 2048, 0, 0, type);
        bench_attention(64, 32, 32, 512, 0, 0, type);
        bench_attention(128, 8, 2, 512, 0, 0, type);
        bench_attention(256, 4, 1, 1024, 0, 512, type);
        bench_attention(64, 9, 3, 512, 50, 0, type);
    }
    bench_product(576, 576, 512);
    bench_product(576, 1536, 512);
    bench_product(1536, 576, 512);
    bench_head(576, 49152, 170);
    bench_head(576, 49152, 256);
    bench_product(4096, 4096, 512);
    bench_thin(576, 16, 512);
    bench_thin(1536, 16, 512);
    bench_thin(1536, 64, 512);
    bench_thin(4096, 8, 512);
    bench_elementwise();
    return 0;
}
