#include "ops/cpu/kernels.hpp"

#include "ops/cpu/kernel-table.hpp"

#if (defined(__x86_64__) || defined(_M_X64)) && defined(_MSC_VER) && !defined(__clang__)
#include <immintrin.h>
#include <intrin.h>
#endif

namespace forja::cpu {

namespace {

#if (defined(__x86_64__) || defined(_M_X64)) && defined(_MSC_VER) && !defined(__clang__)

bool machine_runs(isa which) {
    int leaf1[4], leaf7[4], leaf7_1[4];
    __cpuid(leaf1, 1);
    __cpuidex(leaf7, 7, 0);
    __cpuidex(leaf7_1, 7, 1);
    if (!(leaf1[2] >> 27 & 1)) { // OSXSAVE: without it the system keeps no wide registers
        return which == isa::baseline;
    }
    const unsigned long long kept   = _xgetbv(0);
    const bool               avx2   = (kept & 0x6) == 0x6 && (leaf1[2] >> 12 & 1) && (leaf1[2] >> 29 & 1) &&
                                          (leaf7[1] >> 5 & 1); // FMA, F16C, AVX2
    const int                wanted = 1 << 16 | 1 << 17 | 1 << 30 | int(1u << 31); // F, DQ, BW, VL
    const bool               avx512 = avx2 && (kept & 0xe6) == 0xe6 && (leaf7[1] & wanted) == wanted;
    switch (which) {
        case isa::baseline: return true;
        case isa::avx2: return avx2;
        case isa::avx512: return avx512;
        case isa::avx512_bf16: return avx512 && leaf7[0] >= 1 && (leaf7_1[0] >> 5 & 1);
    }
    return false;
}

#elif defined(__x86_64__)

bool machine_runs(isa which) {
    __builtin_cpu_init();
    // F16C came before AVX2 on every processor; some compilers can't ask for it.
    const bool avx2   = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    switch (which) {
        case isa::baseline: return true;
        case isa::avx2: return avx2;
        case isa::avx512: return avx512;
        case isa::avx512_bf16: return avx512 && __builtin_cpu_supports("avx512bf16");
    }
    return false;
}

#else

bool machine_runs(isa which) { return which == isa::baseline; }

#endif

const kernel_table * table_of(isa which) {
    switch (which) {
        case isa::baseline: return kernels_baseline();
        case isa::avx2: return kernels_avx2();
        case isa::avx512: return kernels_avx512();
        case isa::avx512_bf16: return kernels_avx512_bf16();
    }
    return nullptr;
}

struct choice {
    isa                  which;
    const kernel_table * table;
};

choice best() {
    for (const isa which : {isa::avx512_bf16, isa::avx512, isa::avx2}) {
        if (const kernel_table * table = machine_runs(which) ? table_of(which) : nullptr) {
            return {which, table};
        }
    }
    return {isa::baseline, kernels_baseline()};
}

choice & current() {
    static choice chosen = best();
    return chosen;
}

const kernel_table & table() { return *current().table; }

} // namespace

isa best_isa() { return best().which; }

isa current_isa() { return current().which; }

bool use_isa(isa wanted) {
    const kernel_table * kernels = machine_runs(wanted) ? table_of(wanted) : nullptr;
    if (kernels) {
        current() = {wanted, kernels};
    }
    return kernels != nullptr;
}

const char * isa_name(isa which) {
    switch (which) {
        case isa::baseline: return "baseline";
        case isa::avx2: return "avx2";
        case isa::avx512: return "avx512";
        case isa::avx512_bf16: return "avx512_bf16";
    }
    return "unknown";
}

double peak_loop(peak_kind kind, int64_t n, float * result) { return table().peak_loop(kind, n, result); }

size_t dequantise_scratch_bytes(const weight_rows & w) { return scratch_bytes(DEQUANTISE_ROWS * dequantise_slice(w)); }

void attention_forward(const attention_shape & shape, const float * q, const float * k, const float * v, float * out,
                       float * lse, void * scratch, work_queue * queue, int ith, int nth) {
    table().attention_forward(shape, q, k, v, out, lse, scratch, queue, ith, nth);
}

void attention_backward(const attention_shape & shape, const float * q, const float * k, const float * v,
                        const float * out, const float * lse, const float * d_out, float * dq, float * dk, float * dv,
                        void * partial, void * scratch, work_queue * queue, int ith, int nth) {
    table().attention_backward(shape, q, k, v, out, lse, d_out, dq, dk, dv, partial, scratch, queue, ith, nth);
}

void attention_backward_reduce(const attention_shape & shape, float * dq, const void * partial, int ith, int nth) {
    table().attention_backward_reduce(shape, dq, partial, ith, nth);
}

void glu_forward(glu_kind kind, const float * gate, const float * up, int64_t gate_up_stride, float * h, int64_t n_ff,
                 int64_t n_tokens, int ith, int nth) {
    table().glu_forward(kind, gate, up, gate_up_stride, h, n_ff, n_tokens, ith, nth);
}

void glu_backward(glu_kind kind, const float * gate, const float * up, int64_t gate_up_stride, const float * d_h,
                  float * d_gate, float * d_up, int64_t n_ff, int64_t n_tokens, int ith, int nth) {
    table().glu_backward(kind, gate, up, gate_up_stride, d_h, d_gate, d_up, n_ff, n_tokens, ith, nth);
}

void cross_entropy(float * logits, int64_t stride, const int32_t * labels, float * loss_nats, int64_t n_vocab,
                   int64_t n_rows, float grad_scale, float logit_softcap, bool packed_grads, int ith, int nth) {
    table().cross_entropy(logits, stride, labels, loss_nats, n_vocab, n_rows, grad_scale, logit_softcap, packed_grads, ith, nth);
}

void cross_entropy_loss(const float * logits, int64_t stride, const int32_t * labels, float * loss_nats, int64_t n_vocab,
                        int64_t n_rows, float logit_softcap, int ith, int nth) {
    table().cross_entropy_loss(logits, stride, labels, loss_nats, n_vocab, n_rows, logit_softcap, ith, nth);
}

int64_t logits_stride(int64_t n_vocab) { return padded(n_vocab) + 5 * PAD_FLOATS; }

to_float_fn fast_to_float(stored_type type) { return table().fast_to_float(type); }

void dequantise_transpose(const weight_rows & w, int64_t row_begin, int64_t row_end, uint16_t * w_t, int64_t stride,
                          void * scratch, int ith, int nth) {
    table().dequantise_transpose(w, row_begin, row_end, w_t, stride, scratch, ith, nth);
}

void dequantise(const weight_rows & w, int64_t row_begin, int64_t row_end, uint16_t * w_bf16, void * scratch, int ith,
                int nth) {
    table().dequantise(w, row_begin, row_end, w_bf16, scratch, ith, nth);
}

product_type fastest_product() { return current_isa() == isa::avx512_bf16 ? product_type::bf16 : product_type::f32; }

int64_t activation_stride(product_type type, int64_t n) {
    // A whole cache line more than needed keeps tokens from falling on the same cache sets when n is a power of two.
    return type == product_type::f32 ? n : (n + 31) / 32 * 32 + 32;
}

void pack_activations(uint16_t * packed, const float * x, int64_t x_stride, int64_t n, int64_t n_tokens, int ith,
                      int nth) {
    table().pack_activations(packed, x, x_stride, n, n_tokens, ith, nth);
}

size_t weight_product_scratch_bytes(const weight_rows & w) {
    // Dequantised floats: 16 rows of a slice, or 2 rows of PANELS_TOGETHER panels and what blocks reach over their
    // ends.
    const int64_t across = padded(PANELS_TOGETHER * PANEL_WIDTH + 2 * w.block_size);
    const int64_t floats = 16 * padded(dequantise_slice(w)) + 2 * across;
    return scratch_bytes(floats + PANELS_TOGETHER * PANEL_DEPTH * PANEL_WIDTH + 48 * PANEL_WIDTH);
}

void weight_product(product_type type, float * y, int64_t y_stride, const weight_rows & w, bool transposed,
                    const void * x, int64_t x_stride, int64_t n_tokens, bool accumulate, void * scratch, int ith, int nth) {
    table().weight_product(type, y, y_stride, w, transposed, x, x_stride, n_tokens, accumulate, scratch, ith, nth);
}

void outer_accumulate_wide(float * acc, const float * x, int64_t x_stride, const float * small, int64_t small_stride,
                           int64_t n, int64_t r, int64_t n_tokens, float scale, int ith, int nth) {
    table().outer_accumulate_wide(acc, x, x_stride, small, small_stride, n, r, n_tokens, scale, ith, nth);
}

void outer_accumulate_thin(float * acc, const float * x, int64_t x_stride, const float * small, int64_t small_stride,
                           int64_t n, int64_t r, int64_t n_tokens, float scale, int ith, int nth) {
    table().outer_accumulate_thin(acc, x, x_stride, small, small_stride, n, r, n_tokens, scale, ith, nth);
}

void thin_reduce(float * small, int64_t small_stride, const float * m, thin_layout layout, const float * x,
                 int64_t x_stride, int64_t n, int64_t r, int64_t n_tokens, float scale, bool accumulate, int ith,
                 int nth) {
    table().thin_reduce(small, small_stride, m, layout, x, x_stride, n, r, n_tokens, scale, accumulate, ith, nth);
}

void thin_expand(float * y, int64_t y_stride, const float * m, thin_layout layout, const float * small,
                 int64_t small_stride, int64_t n, int64_t r, int64_t n_tokens, float scale, bool accumulate, int ith,
                 int nth) {
    table().thin_expand(y, y_stride, m, layout, small, small_stride, n, r, n_tokens, scale, accumulate, ith, nth);
}

void add_rows(float * out, const float * a, int64_t a_stride, const float * b, int64_t b_stride, int64_t n, int64_t n_rows,
              int ith, int nth) {
    table().add_rows(out, a, a_stride, b, b_stride, n, n_rows, ith, nth);
}

void adamw(float * values, const float * grads, float * moment1, float * moment2, int64_t n, const adamw_factors & f, int ith,
           int nth) {
    table().adamw(values, grads, moment1, moment2, n, f, ith, nth);
}

void dropout_apply(const dropout & d, float * out, const float * x, int64_t n, int64_t n_tokens, bool accumulate, int ith,
                   int nth) {
    table().dropout_apply(d, out, x, n, n_tokens, accumulate, ith, nth);
}

void rms_norm_forward(float * y, float * sum, const float * a, const float * b, const float * w, int64_t n,
                      int64_t n_tokens, float eps, int ith, int nth) {
    table().rms_norm_forward(y, sum, a, b, w, n, n_tokens, eps, ith, nth);
}

void rms_norm_backward(float * dx, const float * x, const float * w, const float * dy, int64_t n, int64_t n_tokens,
                       float eps, bool accumulate, int ith, int nth) {
    table().rms_norm_backward(dx, x, w, dy, n, n_tokens, eps, accumulate, ith, nth);
}

void short_conv_forward(const short_conv_shape & s, const float * x, const float * taps, float * y, int ith, int nth) {
    table().short_conv_forward(s, x, taps, y, ith, nth);
}

void short_conv_backward(const short_conv_shape & s, const float * x, const float * taps, const float * dy, float * dx, int ith, int nth) {
    table().short_conv_backward(s, x, taps, dy, dx, ith, nth);
}

int64_t delta_net_chunks(const delta_net_shape & s) {
    int64_t chunks = 0;
    for (int64_t i = 0; i < s.n_seq; i++) {
        chunks += (s.seq_start[i + 1] - s.seq_start[i] + DELTA_NET_CHUNK - 1) / DELTA_NET_CHUNK;
    }
    return chunks;
}

size_t delta_net_scratch_bytes(const delta_net_shape & s) {
    constexpr int64_t c = DELTA_NET_CHUNK, pieces = 24;
    return scratch_bytes(2 * c + 7 * c * c + 9 * c * s.d + (1 + s.n_head / s.n_head_k) * s.d * s.d + pieces * PAD_FLOATS);
}

void delta_net_forward(const delta_net_shape & s, const float * q, const float * k, const float * v, const float * gate, const float * beta,
                       float * y, float * states, void * scratch, int ith, int nth) {
    table().delta_net_forward(s, q, k, v, gate, beta, y, states, scratch, ith, nth);
}

void delta_net_backward(const delta_net_shape & s, const float * q, const float * k, const float * v, const float * gate, const float * beta,
                        const float * states, const float * dy, float * dq, float * dk, float * dv, float * d_gate, float * d_beta,
                        void * scratch, int ith, int nth) {
    table().delta_net_backward(s, q, k, v, gate, beta, states, dy, dq, dk, dv, d_gate, d_beta, scratch, ith, nth);
}

void add_low_rank(float * rows, int64_t stride, int64_t n_rows, const float * a, const float * c, int64_t n, int64_t r) {
    table().add_low_rank(rows, stride, n_rows, a, c, n, r);
}

from_float_fn fast_from_float(stored_type type) { return table().fast_from_float(type); }

} // namespace forja::cpu
