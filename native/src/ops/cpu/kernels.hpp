// Fused CPU kernels of the training step: plain functions on pointers, with no graph and no threads of their own.
//
// Legend: D head_dim, T tokens of the micro-batch (all sequences back to back), r lora_rank, n_in and n_out a weight's
// columns and rows. Shapes are ggml's: `ne = [a, b]` has a fastest. Everything is F32 unless said otherwise.
//
// Threads: every kernel takes (ith, nth) and is called once by each of nth threads, all with the same other arguments
// (scratch excepted); it does that thread's share and returns without waiting for the others, so the caller's barrier
// ends it. Work is split over outputs and never over a sum: the result is the same bits whatever nth is.
//
// Each kernel has a version for AVX-512, for AVX2 with FMA, and a baseline one (SSE2 or NEON, vectorised by the
// compiler), chosen when first used. They differ in rounding only. The readable scalar versions are in reference.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace forja::cpu {

// ---------------------------------------------------------------------------------------------------------------------
// Which version runs

enum class isa { baseline, avx2, avx512, avx512_bf16 };

/// The best version that this machine and build can run.
isa best_isa();

/// The version in use: best_isa() unless use_isa() said otherwise.
isa current_isa();

/// Use another version from now on (tests and benchmarks; not while a kernel runs). One that the machine can't run is
/// refused: returns false and changes nothing.
bool use_isa(isa wanted);

/// "baseline", "avx2", "avx512" or "avx512_bf16".
const char * isa_name(isa which);

/// Hands out a kernel's tasks to whichever thread is free, for threads of unequal speed. One object serves one kernel
/// call at a time and is ready for the next when all nth threads have returned. Which thread does a task changes no
/// result.
struct work_queue {
    std::atomic<int32_t> next{0};
};

/// What the numbers of a product are rounded to; sums are F32 in both.
enum class product_type {
    f32,
    bf16,
};

/// bf16 where the version in use has a BF16 dot product, else f32. Asking for bf16 where there is none: weight_product
/// must not be, attention falls back to f32.
product_type fastest_product();

enum class peak_kind { fma, bf16_dot };

/// A loop of n rounds of independent multiply-adds in registers, to time: returns the floating-point operations done
/// (0: this version has no such instruction). `result` receives a number that keeps the compiler from dropping the
/// loop.
double peak_loop(peak_kind kind, int64_t n, float * result);

// ---------------------------------------------------------------------------------------------------------------------
// Attention

/// What both directions of attention need to know. Tokens attend only inside their own sequence and never ahead.
struct attention_shape {
    int64_t         head_dim;          // D, any size
    int64_t         n_head;            // a multiple of n_head_kv
    int64_t         n_head_kv;
    int64_t         n_tokens;          // T
    int32_t         n_seq;
    const int32_t * seq_start;         // n_seq + 1 offsets into the tokens: 0, …, T, never falling
    float           scale;             // multiplies q·k
    float           logit_softcap = 0; // c > 0: logits become c * tanh(logit / c); 0: none
    int32_t         n_swa         = 0; // sliding window: query i sees key j when 0 <= i - j < n_swa; 0: no window
    product_type    type          = product_type::f32; // bf16: probabilities are rounded too
};

/// Bytes that each thread must supply as `scratch` (any alignment).
size_t attention_forward_scratch_bytes(const attention_shape & shape);

/// out = softmax(scale * q k^T, masked) v, in tiles: no T x T buffer.
/// q, out: ne = [D, n_head, T]; k, v: ne = [D, n_head_kv, T]; lse: ne = [n_head, T], the log of the sum of exponentials
/// of each query's logits, for the backward pass. `queue` may be null (a fixed split).
/// Source: FlashAttention-2 (Dao 2023), algorithm 1.
void attention_forward(const attention_shape & shape, const float * q, const float * k, const float * v, float * out,
                       float * lse, void * scratch, work_queue * queue, int ith, int nth);

/// Bytes that each thread must supply to attention_backward as `scratch` (any alignment).
size_t attention_backward_scratch_bytes(const attention_shape & shape);

/// Bytes, shared by all threads, that carry parts of dq from attention_backward to attention_backward_reduce; may be 0.
/// It depends on the shape only, never on the number of threads.
size_t attention_backward_partial_bytes(const attention_shape & shape);

/// Gradients of attention_forward; probabilities are recomputed tile by tile from q, k and lse. dk and dv are finished
/// here (overwritten); dq is finished by attention_backward_reduce, to be called after a barrier. d_out, dq: shaped as
/// q; dk, dv: as k. No output may overlap an input or another output.
/// Source: FlashAttention-2 (Dao 2023), algorithm 2.
void attention_backward(const attention_shape & shape, const float * q, const float * k, const float * v,
                        const float * out, const float * lse, const float * d_out, float * dq, float * dk, float * dv,
                        void * partial, void * scratch, work_queue * queue, int ith, int nth);

/// dq += the parts in `partial`, in a fixed order. Nothing to do (but allowed) when attention_backward_partial_bytes is
/// 0.
void attention_backward_reduce(const attention_shape & shape, float * dq, const void * partial, int ith, int nth);

// ---------------------------------------------------------------------------------------------------------------------
// Gated activation

enum class glu_kind {
    silu,      // act(g) = g * sigmoid(g)
    gelu_tanh, // act(g) = g/2 * (1 + tanh(sqrt(2/pi) * (g + 0.044715 g^3)))
};

/// h = act(gate) * up. gate, up: ne = [n_ff, T] with gate_up_stride floats from one token to the next (n_ff, or 2 n_ff
/// where a model keeps both in one tensor); h: ne = [n_ff, T], contiguous. h may be gate or up when all are contiguous.
void glu_forward(glu_kind kind, const float * gate, const float * up, int64_t gate_up_stride, float * h, int64_t n_ff,
                 int64_t n_tokens, int ith, int nth);

/// d_gate = d_h * up * act'(gate), d_up = d_h * act(gate). gate, up, d_gate, d_up: stride gate_up_stride; d_h
/// contiguous. d_gate may be gate, d_up may be up (each exactly, not shifted).
void glu_backward(glu_kind kind, const float * gate, const float * up, int64_t gate_up_stride, const float * d_h,
                  float * d_gate, float * d_up, int64_t n_ff, int64_t n_tokens, int ith, int nth);

// ---------------------------------------------------------------------------------------------------------------------
// Loss

/// Cross entropy and its gradient, in place. logits: ne = [n_vocab, n_rows], becomes
/// (softmax(capped logits) - onehot(label)) * grad_scale, times the derivative of the cap where there is one.
/// loss_nats[row] = -log softmax(capped logits)[label]. A label outside [0, n_vocab): loss 0, gradient 0.
/// logit_softcap: c > 0 caps logits to c * tanh(logit / c) first; 0: none. A NaN or +inf logit makes its row's loss
/// NaN. stride: floats from one row to the next. packed_grads: gradients are left as BF16 at the beginning of each row, as
/// weight_product takes them with an x_stride of 2 * stride, which must hold one more than n_vocab.
void cross_entropy(float * logits, int64_t stride, const int32_t * labels, float * loss_nats, int64_t n_vocab,
                   int64_t n_rows, float grad_scale, float logit_softcap, bool packed_grads, int ith, int nth);

/// Floats from one row of logits to the next, so that rows don't fall on the same cache sets where n_vocab is a multiple of a large
/// power of two: there the head's products lost 5 % of their speed.
int64_t logits_stride(int64_t n_vocab);

/// The losses only; logits are left as they are.
void cross_entropy_loss(const float * logits, int64_t stride, const int32_t * labels, float * loss_nats, int64_t n_vocab,
                        int64_t n_rows, float logit_softcap, int ith, int nth);

// ---------------------------------------------------------------------------------------------------------------------
// Dequantisation

/// Values of a stored type to floats: n, a multiple of the type's block.
using to_float_fn = void (*)(const void * src, float * dst, int64_t n);

/// Types for which there may be a faster conversion here than ggml's; named as ggml_type.
enum class stored_type { f16, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k, q8_0 };

/// The conversion for `type`, or null where the version in use has none: take ggml's then. The same values as ggml's,
/// to within a rounding.
to_float_fn fast_to_float(stored_type type);

/// A frozen weight as it lies in its file: n_out rows of n_in values, ne = [n_in, n_out].
struct weight_rows {
    const void * data;
    int64_t      n_in;
    int64_t      n_out;
    size_t       row_bytes;  // from one row to the next
    int64_t      block_size; // values a quantisation block (ggml_blck_size); divides n_in
    to_float_fn  to_float;   // fast_to_float(), or ggml's type traits; null: the rows are F32 already
};

/// Bytes that each thread must supply to the two functions below as `scratch` (any alignment).
size_t dequantise_scratch_bytes(const weight_rows & w);

/// w_t: BF16, ne = [row_end - row_begin, n_in] with `stride` elements (>= row_end - row_begin) from one n_in to the
/// next: w_t[i * stride + (o - row_begin)] = w[o][i] for rows o in [row_begin, row_end), rounded to nearest even.
void dequantise_transpose(const weight_rows & w, int64_t row_begin, int64_t row_end, uint16_t * w_t, int64_t stride,
                          void * scratch, int ith, int nth);

/// w_bf16: BF16, ne = [n_in, row_end - row_begin], contiguous: the rows in [row_begin, row_end), not transposed.
void dequantise(const weight_rows & w, int64_t row_begin, int64_t row_end, uint16_t * w_bf16, void * scratch, int ith,
                int nth);

// ---------------------------------------------------------------------------------------------------------------------
// Products with a frozen weight, dequantised piece by piece as they go: no dequantised copy of W is ever kept.

/// Elements from one token to the next of activations [n, T] in the form that weight_product takes: n for f32; more for
/// bf16, where tokens are padded.
int64_t activation_stride(product_type type, int64_t n);

/// x [n, T], F32, to BF16 for weight_product: `packed` has activation_stride(bf16, n) * n_tokens elements. One
/// conversion serves all the products of x. Split over tokens.
void pack_activations(uint16_t * packed, const float * x, int64_t x_stride, int64_t n, int64_t n_tokens, int ith,
                      int nth);

/// Bytes that each thread must supply to weight_product as `scratch` (any alignment).
size_t weight_product_scratch_bytes(const weight_rows & w);

/// y = W x (forward; x: [n_in, T], y: [n_out, T]) or, `transposed`, y = W^T x (the gradient of the input; x: [n_out,
/// T], y: [n_in, T]); y += where `accumulate`. y: F32, y_stride floats from one token to the next. x: F32 for f32, else
/// what pack_activations made; x_stride elements from one token to the next.
void weight_product(product_type type, float * y, int64_t y_stride, const weight_rows & w, bool transposed,
                    const void * x, int64_t x_stride, int64_t n_tokens, bool accumulate, void * scratch, int ith, int nth);

// ---------------------------------------------------------------------------------------------------------------------
// The adapter's thin products. r is small (4 to 256), n large; strides are floats from one token to the next.

/// acc += scale * sum over t of x[·,t] small[·,t]^T, with acc laid out ne = [n, r] (n fastest): dA from x and du.
/// x: [n, T]; small: [r, T].
void outer_accumulate_wide(float * acc, const float * x, int64_t x_stride, const float * small, int64_t small_stride,
                           int64_t n, int64_t r, int64_t n_tokens, float scale, int ith, int nth);

/// The same with acc laid out ne = [r, n] (r fastest): dB from dy and u.
void outer_accumulate_thin(float * acc, const float * x, int64_t x_stride, const float * small, int64_t small_stride,
                           int64_t n, int64_t r, int64_t n_tokens, float scale, int ith, int nth);

/// How an adapter matrix between n (large) and r (small) lies in memory.
enum class thin_layout {
    n_fastest, // ne = [n, r]: LoRA's A with n = n_in
    r_fastest, // ne = [r, n]: LoRA's B with n = n_out
};

/// small = scale * m^T x (+ small when `accumulate`): u = A x (m = A, n_fastest), du = B^T dy (m = B, r_fastest).
/// x: [n, T]; small: [r, T]. Split over tokens.
void thin_reduce(float * small, int64_t small_stride, const float * m, thin_layout layout, const float * x,
                 int64_t x_stride, int64_t n, int64_t r, int64_t n_tokens, float scale, bool accumulate, int ith,
                 int nth);

/// y = scale * m small (+ y when `accumulate`): y += s B u (m = B, r_fastest), dx += A^T du (m = A, n_fastest).
/// y: [n, T]; small: [r, T]. Split over tokens.
void thin_expand(float * y, int64_t y_stride, const float * m, thin_layout layout, const float * small,
                 int64_t small_stride, int64_t n, int64_t r, int64_t n_tokens, float scale, bool accumulate, int ith,
                 int nth);

// ---------------------------------------------------------------------------------------------------------------------
// Sums, the optimiser

/// out = a + b over n_rows rows of n. b_stride: floats from one row of b to the next, 0 to repeat its first; a_stride: of a
/// and out, which may be one another.
void add_rows(float * out, const float * a, int64_t a_stride, const float * b, int64_t b_stride, int64_t n, int64_t n_rows,
              int ith, int nth);

/// What AdamW's step number t uses. Source: Loshchilov and Hutter 2019, algorithm 2.
struct adamw_factors {
    float learning_rate, beta1, beta2, epsilon, weight_decay;
    float correction1, correction2; // 1 / (1 - beta^t)
    float clip;                     // on the gradients, which are left as they are
};

/// One step over n values with their gradients and moments.
void adamw(float * values, const float * grads, float * moment1, float * moment2, int64_t n, const adamw_factors & f, int ith,
           int nth);

// ---------------------------------------------------------------------------------------------------------------------
// Dropout

/// Which elements of [n, T] a dropout drops, and the factor on the others. Nothing is drawn in an order: each element's
/// answer follows from the key, its token's id and its place, so it is the same however tokens are cut into passes, and
/// again on the way back.
struct dropout {
    uint64_t         key;       // of the step and the layer
    const uint64_t * token;     // T ids
    uint32_t         n_dropped; // of 2^24: the probability
    float            factor;    // 1 / (1 - probability)
};

/// A probability in [0, 1) as the kernels take it.
inline dropout dropout_of(double probability, uint64_t key, const uint64_t * token) {
    const uint32_t n = (uint32_t) (probability * 0x1p24 + 0.5);
    return {key, token, n, (float) (0x1p24 / (0x1p24 - (double) n))};
}

/// The same for the tokens from the t-th on.
inline dropout from_token(dropout d, int64_t t) {
    d.token += t;
    return d;
}

/// out = x * mask (+ out when `accumulate`), mask: d.factor or 0. x, out: ne = [n, T], contiguous; x null: ones, which
/// makes out the mask itself. out may be x. Split over tokens.
void dropout_apply(const dropout & d, float * out, const float * x, int64_t n, int64_t n_tokens, bool accumulate, int ith,
                   int nth);

// ---------------------------------------------------------------------------------------------------------------------
// RMS norm

/// y = x / sqrt(mean(x^2) + eps) * w, with x = a + b where b is not null (then also stored to `sum`, which may be a or
/// b; null: not stored). a, b, sum, y: ne = [n, T], contiguous; w: [n], null: ones. y may be a.
void rms_norm_forward(float * y, float * sum, const float * a, const float * b, const float * w, int64_t n,
                      int64_t n_tokens, float eps, int ith, int nth);

/// dx = the gradient through y = x / rms(x) * w (+ dx when `accumulate`). x: the norm's input. dx may be dy.
void rms_norm_backward(float * dx, const float * x, const float * w, const float * dy, int64_t n, int64_t n_tokens,
                       float eps, bool accumulate, int ith, int nth);

// ---------------------------------------------------------------------------------------------------------------------
// What carries something from token to token. Rows lie back to back; nothing goes from one to another.

struct short_conv_shape {
    int64_t         n, n_taps; // channels, and how many tokens each output sees
    int64_t         n_seq;
    const int32_t * seq_start; // n_seq + 1
    bool            has_silu;  // y = silu(z), z the sum
};

/// z[c, t] = sum over j < n_taps of taps[j][c] x[c, t - (n_taps - 1) + j], without the tokens before the row's start.
/// x, y: ne = [n, T]; taps: ne = [n, n_taps]. Split over tokens.
void short_conv_forward(const short_conv_shape & s, const float * x, const float * taps, float * y, int ith, int nth);
/// dx from dy. Split over channels.
void short_conv_backward(const short_conv_shape & s, const float * x, const float * taps, const float * dy, float * dx, int ith, int nth);

/// Tokens that a delta net takes at a time.
constexpr int64_t DELTA_NET_CHUNK = 64;

struct delta_net_shape {
    int64_t         d, n_head, n_head_k; // of keys and values; heads of values, and of queries and keys
    int64_t         n_seq;
    const int32_t * seq_start; // n_seq + 1
    float           scale;     // on what is read
    bool            is_grouped; // value head h reads key head h / (n_head / n_head_k), else h mod n_head_k
};

int64_t delta_net_chunks(const delta_net_shape & s);
size_t  delta_net_scratch_bytes(const delta_net_shape & s);

/// Gated delta net: with the state M [d, d], zero at a row's start, for each token and value head
///     M := exp(gate) M;  M := M + k (beta (v - M^T k))^T;  y = scale M^T q
/// q, k: ne = [d, n_head_k, T]; v, y: ne = [d, n_head, T]; gate, beta: ne = [n_head, T]; states: ne = [d * d, n_head, chunks], M at each
/// chunk's start (not set where that is a row's). Split over key heads. Source: Yang et al. 2024, "Gated Delta Networks", eq. 10.
void delta_net_forward(const delta_net_shape & s, const float * q, const float * k, const float * v, const float * gate, const float * beta,
                       float * y, float * states, void * scratch, int ith, int nth);
void delta_net_backward(const delta_net_shape & s, const float * q, const float * k, const float * v, const float * gate, const float * beta,
                        const float * states, const float * dy, float * dq, float * dk, float * dv, float * d_gate, float * d_beta,
                        void * scratch, int ith, int nth);

// ---------------------------------------------------------------------------------------------------------------------
// Merging an adapter into a weight. The caller hands out rows to its threads, so these take no (ith, nth).

/// rows[k][i] += sum over j < r of c[k][j] * a[j][i], j in fours: ((c0 a0 + c1 a1) + (c2 a2 + c3 a3)) is added, then the
/// next, and what is left one by one. No product is fused with a sum: every version gives the same bits.
/// rows: n_rows rows of n floats, `stride` floats apart; a: ne = [n, r]; c: ne = [r, n_rows].
void add_low_rank(float * rows, int64_t stride, int64_t n_rows, const float * a, const float * c, int64_t n, int64_t r);

/// Floats to values of a stored type: n, a multiple of the type's block, all finite.
using from_float_fn = void (*)(const float * src, void * dst, int64_t n);

/// The conversion to `type`, or null where the version in use has none: take ggml_quantize_chunk then, which gives the
/// same bits.
from_float_fn fast_from_float(stored_type type);

} // namespace forja::cpu
