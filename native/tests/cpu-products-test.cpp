// The fused CPU products (with frozen weights, which are dequantised as they go, and with thin adapters) against their scalar
// double-precision versions, on every instruction set that this machine has; and the same bits for any number of threads.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "ggml.h"
#include "ops/cpu/kernels.hpp"
#include "support/kernel-checks.hpp"

using namespace forja::cpu;
using namespace forja::test;

namespace {

/// A toy quantisation: blocks of 32 bytes and a scale, like Q8_0 but with a plain float.
struct toy_block {
    float  scale;
    int8_t value[32];
};

void toy_to_float(const void * src, float * dst, int64_t n) {
    const toy_block * blocks = (const toy_block *) src;
    for (int64_t i = 0; i < n; ++i) {
        dst[i] = blocks[i / 32].scale * blocks[i / 32].value[i % 32];
    }
}

enum class toy_kind {
    floats,
    small_blocks, // of 32 values: the toy above
    large_blocks, // of 256 values, which reach over several panels: ggml's Q4_K
};

const char * name_of(toy_kind kind) {
    return kind == toy_kind::floats ? "F32" : kind == toy_kind::small_blocks ? "blocks" : "Q4_K";
}

/// A random weight: its rows as a kernel takes them, and as plain floats.
struct toy_weight {
    std::vector<toy_block> blocks;
    std::vector<char>      q4_k;
    std::vector<float>     plain;
    weight_rows            rows;

    toy_weight(int64_t n_in, int64_t n_out, toy_kind kind) {
        generator g{17};
        plain = g.floats(n_in * n_out);
        rows  = {plain.data(), n_in, n_out, n_in * sizeof(float), 1, nullptr};
        if (kind == toy_kind::small_blocks) {
            blocks.resize(n_in / 32 * n_out);
            for (size_t i = 0; i < blocks.size(); ++i) {
                blocks[i].scale = 0.01f * g.uniform();
                for (int8_t & v : blocks[i].value) {
                    v = (int8_t) (127 * g.uniform());
                }
                toy_to_float(&blocks[i], plain.data() + i * 32, 32);
            }
            rows = {blocks.data(), n_in, n_out, n_in / 32 * sizeof(toy_block), 32, toy_to_float};
        } else if (kind == toy_kind::large_blocks) {
            const to_float_fn to_float = ggml_get_type_traits(GGML_TYPE_Q4_K)->to_float;
            q4_k.resize(ggml_row_size(GGML_TYPE_Q4_K, n_in) * n_out);
            ggml_quantize_chunk(GGML_TYPE_Q4_K, plain.data(), q4_k.data(), 0, n_out, n_in, nullptr);
            to_float(q4_k.data(), plain.data(), n_in * n_out);
            rows = {q4_k.data(), n_in, n_out, ggml_row_size(GGML_TYPE_Q4_K, n_in), 256, to_float};
        }
    }
};

void test_dequantise(int64_t n_in, int64_t n_out, toy_kind kind) {
    const toy_weight           toy(n_in, n_out, kind);
    const weight_rows &        w     = toy.rows;
    const std::vector<float> & plain = toy.plain;
    const int64_t begin = n_out > 40 ? 5 : 0, end = n_out > 40 ? n_out - 2 : n_out, rows = end - begin,
                  stride = rows + 3;
    const std::string name = std::string("dequantise ") + name_of(kind) + " [" + std::to_string(n_in) +
                             ", " + std::to_string(n_out) + "]";
    for (const int nth : {1, 2, 7}) {
        std::vector<uint16_t> w_t(stride * n_in, 0xabcd), straight(rows * n_in, 0xabcd);
        on_threads(nth, [&](int ith, int n) {
            std::vector<char> scratch(dequantise_scratch_bytes(w));
            dequantise_transpose(w, begin, end, w_t.data(), stride, scratch.data(), ith, n);
            dequantise(w, begin, end, straight.data(), scratch.data(), ith, n);
        });
        bool good = true;
        for (int64_t i = 0; i < n_in; ++i) {
            for (int64_t o = 0; o < stride; ++o) {
                const uint16_t want = o < rows ? reference::to_bf16(plain[(begin + o) * n_in + i]) : 0xabcd;
                good                = good && w_t[i * stride + o] == want;
                good                = good && (o >= rows || straight[o * n_in + i] == want);
            }
        }
        check(good, name + ", " + std::to_string(nth) + " threads");
    }
}

void test_stored_types() {
    const struct {
        stored_type type;
        ggml_type   same;
    } types[] = {{stored_type::f16, GGML_TYPE_F16},   {stored_type::q4_0, GGML_TYPE_Q4_0}, {stored_type::q4_1, GGML_TYPE_Q4_1},
                 {stored_type::q5_0, GGML_TYPE_Q5_0}, {stored_type::q5_1, GGML_TYPE_Q5_1}, {stored_type::q6_k, GGML_TYPE_Q6_K}};
    const int64_t            n = 1024;
    generator                g{31};
    const std::vector<float> x = g.floats(n, 4);
    for (const auto & [type, same] : types) {
        const to_float_fn fast = fast_to_float(type);
        if (!fast) {
            continue;
        }
        std::vector<char>  stored(ggml_row_size(same, n));
        std::vector<float> want(n), got(n);
        ggml_quantize_chunk(same, x.data(), stored.data(), 0, 1, n, nullptr);
        ggml_get_type_traits(same)->to_float(stored.data(), want.data(), n);
        fast(stored.data(), got.data(), n);
        // One rounding apart at most: a fused multiply-add, or another order of two products.
        check_values(std::string("fast_to_float ") + ggml_type_name(same), got, widened(want), 1e-6);
    }
}

void test_weight_product(int64_t n_in, int64_t n_out, int64_t n_tokens, toy_kind kind) {
    const toy_weight toy(n_in, n_out, kind);
    generator        g{29};
    for (const product_type type : {product_type::f32, product_type::bf16}) {
        if (type == product_type::bf16 && fastest_product() != product_type::bf16) {
            continue;
        }
        for (const bool transposed : {false, true}) {
            const int64_t            n = transposed ? n_out : n_in, m = transposed ? n_in : n_out, y_stride = m + 3;
            const std::vector<float> x = g.floats(n * n_tokens), start = g.floats(y_stride * n_tokens);
            const int64_t            stride = activation_stride(type, n);
            std::vector<uint16_t>    packed(activation_stride(product_type::bf16, n) * n_tokens, 0xffff);
            // The same rounding as the kernel's, so that only the order of sums differs.
            const auto rounded = [&](const std::vector<float> & v) {
                values r = widened(v);
                for (size_t i = 0; i < r.size() && type == product_type::bf16; ++i) {
                    r[i] = reference::from_bf16(reference::to_bf16(v[i]));
                }
                return r;
            };
            const values product =
                reference::weight_product(rounded(toy.plain), transposed, rounded(x), n_in, n_out, n_tokens);
            const std::string name = std::string("weight_product ") + (type == product_type::f32 ? "f32 " : "bf16 ") +
                                     (transposed ? "transposed " : "") + name_of(kind) + " [" +
                                     std::to_string(n_in) + ", " + std::to_string(n_out) + "] T " + std::to_string(n_tokens);
            std::vector<float> first;
            for (const int nth : {1, 2, 7}) {
                std::vector<float> y = start, added = start;
                on_threads(nth, [&](int ith, int nt) {
                    pack_activations(packed.data(), x.data(), n, n, n_tokens, ith, nt);
                });
                const void * operand = type == product_type::f32 ? (const void *) x.data() : packed.data();
                on_threads(nth, [&](int ith, int nt) {
                    std::vector<char> scratch(weight_product_scratch_bytes(toy.rows), (char) 0xff);
                    weight_product(type, y.data(), y_stride, toy.rows, transposed, operand, stride, n_tokens, false,
                                   scratch.data(), ith, nt);
                    weight_product(type, added.data(), y_stride, toy.rows, transposed, operand, stride, n_tokens, true,
                                   scratch.data(), ith, nt);
                });
                values want(2 * start.size());
                for (size_t i = 0; i < start.size(); ++i) {
                    const size_t t = i / y_stride, o = i % y_stride;
                    want[i]                = o < (size_t) m ? product[t * m + o] : start[i]; // nothing behind outputs
                    want[start.size() + i] = o < (size_t) m ? start[i] + product[t * m + o] : start[i];
                }
                y.insert(y.end(), added.begin(), added.end());
                if (nth == 1) {
                    first = y;
                    check_values(name, y, want, 2e-5);
                } else {
                    check(same_bits(first, y), name + ": same bits for " + std::to_string(nth) + " threads");
                }
            }
        }
    }
}

void test_thin(int64_t n, int64_t r, int64_t n_tokens) {
    generator                g{19};
    const std::vector<float> x = g.floats(n * n_tokens), small = g.floats(r * n_tokens), m = g.floats(n * r),
                             start = g.floats(std::max({n * r, n * n_tokens, r * n_tokens}));
    const std::string name = "n " + std::to_string(n) + ", r " + std::to_string(r) + ", T " + std::to_string(n_tokens);
    const float       scale = 0.75f;

    // What the kernels added to (or wrote over) `start`, on several threads, as [accumulated | overwritten].
    const auto run = [&](int64_t size, const std::function<void(float *, bool, int, int)> & kernel, bool * same) {
        std::vector<float> first;
        for (const int nth : {1, 2, 5}) {
            std::vector<float> got(start.begin(), start.begin() + size), fresh = got;
            on_threads(nth, [&](int ith, int nt) {
                kernel(got.data(), true, ith, nt);
                kernel(fresh.data(), false, ith, nt);
            });
            got.insert(got.end(), fresh.begin(), fresh.end());
            if (nth == 1) {
                first = got;
            }
            *same = (nth == 1 || *same) && same_bits(first, got);
        }
        return first;
    };
    const auto expect = [&](const values & product) {
        values want(2 * product.size());
        for (size_t i = 0; i < product.size(); ++i) {
            want[i]                  = start[i] + scale * product[i];
            want[product.size() + i] = scale * product[i];
        }
        return want;
    };
    bool same = false;
    // F32 sums over at most a few hundred terms.
    const double tolerance = 2e-5;

    values     outer = reference::outer(widened(x), widened(small), n, r, n_tokens);
    const auto added = [&](const std::vector<float> & both) {
        return std::vector<float>(both.begin(), both.begin() + n * r);
    };
    const auto first_half = [&](const values & both) { return values(both.begin(), both.begin() + n * r); };
    std::vector<float> got = run(n * r, [&](float * acc, bool accumulate, int ith, int nth) {
        if (accumulate) {
            outer_accumulate_wide(acc, x.data(), n, small.data(), r, n, r, n_tokens, scale, ith, nth);
        }
    }, &same);
    check_values("outer_accumulate_wide " + name, added(got), first_half(expect(outer)), tolerance);
    check(same, "outer_accumulate_wide " + name + ": same bits");
    values turned(outer.size());
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < r; ++j) {
            turned[i * r + j] = outer[j * n + i];
        }
    }
    got = run(n * r, [&](float * acc, bool accumulate, int ith, int nth) {
        if (accumulate) {
            outer_accumulate_thin(acc, x.data(), n, small.data(), r, n, r, n_tokens, scale, ith, nth);
        }
    }, &same);
    check_values("outer_accumulate_thin " + name, added(got), first_half(expect(turned)), tolerance);
    check(same, "outer_accumulate_thin " + name + ": same bits");

    for (const thin_layout layout : {thin_layout::n_fastest, thin_layout::r_fastest}) {
        const std::string which = layout == thin_layout::n_fastest ? " n_fastest " : " r_fastest ";
        got = run(r * n_tokens, [&](float * dst, bool accumulate, int ith, int nth) {
            thin_reduce(dst, r, m.data(), layout, x.data(), n, n, r, n_tokens, scale, accumulate, ith, nth);
        }, &same);
        check_values("thin_reduce" + which + name, got,
              expect(reference::thin_reduce(widened(m), layout, widened(x), n, r, n_tokens)), tolerance);
        check(same, "thin_reduce" + which + name + ": same bits");
        got = run(n * n_tokens, [&](float * dst, bool accumulate, int ith, int nth) {
            thin_expand(dst, n, m.data(), layout, small.data(), r, n, r, n_tokens, scale, accumulate, ith, nth);
        }, &same);
        check_values("thin_expand" + which + name, got,
              expect(reference::thin_expand(widened(m), layout, widened(small), n, r, n_tokens)), tolerance);
        check(same, "thin_expand" + which + name + ": same bits");
    }
}

void test_all() {
    test_dequantise(64, 32, toy_kind::small_blocks);
    test_dequantise(576, 97, toy_kind::small_blocks);
    test_dequantise(300, 45, toy_kind::floats);
    test_dequantise(17, 3, toy_kind::floats);
    test_stored_types();
    test_dequantise(512, 40, toy_kind::large_blocks);
    test_weight_product(64, 64, 13, toy_kind::small_blocks);
    test_weight_product(768, 70, 13, toy_kind::large_blocks);
    test_weight_product(320, 200, 61, toy_kind::small_blocks);   // neither a whole panel nor a whole slice
    test_weight_product(301, 150, 50, toy_kind::floats);  // odd sums
    test_weight_product(19, 7, 3, toy_kind::floats);
    test_thin(200, 16, 150);
    test_thin(65, 5, 300);
    test_thin(130, 70, 33);
    test_thin(3, 1, 1);
}

} // namespace

int main() {
    on_every_isa(test_all);
    return result();
}
