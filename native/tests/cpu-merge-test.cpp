// The kernels that merge an adapter into a weight against plain loops and ggml's own conversions, to the bit, on every instruction
// set that this machine has.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "ggml.h"
#include "ops/cpu/kernels.hpp"
#include "support/kernel-checks.hpp"

using namespace forja::cpu;
using namespace forja::test;

namespace {

/// x and its products, summed as add_low_rank promises.
float sum_by_hand(float x, const std::vector<float> & products) {
    size_t j = 0;
    for (; j + 4 <= products.size(); j += 4) {
        const float low = products[j] + products[j + 1], high = products[j + 2] + products[j + 3];
        x += low + high;
    }
    for (; j < products.size(); ++j) {
        x += products[j];
    }
    return x;
}

void test_add_low_rank(int64_t n, int64_t r, int64_t n_rows) {
    const int64_t            stride = n + 3;
    generator                g{41};
    const std::vector<float> before = g.floats(stride * n_rows), a = g.floats(n * r), c = g.floats(r * n_rows);
    const std::string        name   = "add_low_rank n " + std::to_string(n) + ", r " + std::to_string(r) + ", rows " + std::to_string(n_rows);
    std::vector<float>       want = before, got = before, products(r);
    values                   sum  = widened(before);
    for (int64_t k = 0; k < n_rows; ++k) {
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j < r; ++j) {
                products[j] = c[k * r + j] * a[j * n + i]; // in memory: no compiler fuses it with a sum
                sum[k * stride + i] += (double) c[k * r + j] * a[j * n + i];
            }
            want[k * stride + i] = sum_by_hand(want[k * stride + i], products);
        }
    }
    add_low_rank(got.data(), stride, n_rows, a.data(), c.data(), n, r);
    check(same_bits(got, want), name + ": the bits of the plain loop");
    // Up to 65 products of numbers below 1: each rounding is within 6e-8 of a sum of a few units.
    check_values(name, got, sum, 2e-6);
}

bool same_as_ggml(stored_type type, ggml_type same, const std::vector<float> & x) {
    const from_float_fn fast = fast_from_float(type);
    if (!fast) {
        return true; // ggml's is taken
    }
    const auto           n = (int64_t) x.size();
    std::vector<uint8_t> got(ggml_row_size(same, n) + 1, 0xab), want = got;
    fast(x.data(), got.data(), n);
    ggml_quantize_chunk(same, x.data(), want.data(), 0, 1, n, nullptr);
    return got == want; // with the byte behind
}

/// Every half, the midpoint to the next, and the floats on both sides of it; beyond the largest too.
void test_to_f16() {
    std::vector<float> x = {0.0f, -0.0f, 1e-45f, -1e-45f, 1e-30f, 65504, 65519.99f, 65520, 1e30f, -1e30f};
    for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
        const float here = ggml_fp16_to_fp32((ggml_fp16_t) bits);
        const float next = bits + 1 < 0x7c00 ? ggml_fp16_to_fp32((ggml_fp16_t) (bits + 1)) : 65536.0f;
        const float mid  = here + (next - here) / 2;
        for (const float value : {here, mid, std::nextafter(mid, 0.0f), std::nextafter(mid, 1e30f)}) {
            x.push_back(value);
            x.push_back(-value);
        }
    }
    check(same_as_ggml(stored_type::f16, GGML_TYPE_F16, x), "fast_from_float f16: ggml's bits around every half");
    bool all = true;
    for (int64_t n = 1; n < 40; ++n) {
        all = all && same_as_ggml(stored_type::f16, GGML_TYPE_F16, generator{43}.floats(n));
    }
    check(all, "fast_from_float f16: any number of values");
}

void test_to_q8_0() {
    std::vector<float> x(32, 0.0f); // a block of zeros
    // With 127 as the largest the factor is 1: halves, and the floats on both sides, are rounded as they are.
    for (int k = 0; k < 127; k += 5) {
        std::vector<float> block = {127, -127, 0.0f, -0.0f};
        for (int i = 0; i < 5; ++i) {
            const float half = (float) std::min(k + i, 126) + 0.5f;
            for (const float value : {half, std::nextafter(half, 0.0f), std::nextafter(half, 200.0f)}) {
                block.push_back(i % 2 == 0 ? value : -value);
            }
        }
        block.resize(32, 0.25f);
        x.insert(x.end(), block.begin(), block.end());
    }
    // Any size, down to where the scale is no normal half, or its inverse no finite number, and up to where it is none.
    generator g{47};
    for (int exponent = -45; exponent < 8; ++exponent) {
        const std::vector<float> some = g.floats(64, std::pow(10.0f, (float) exponent));
        x.insert(x.end(), some.begin(), some.end());
    }
    const std::vector<float> many = g.floats(32 * 1000, 0.1f);
    x.insert(x.end(), many.begin(), many.end());
    check(same_as_ggml(stored_type::q8_0, GGML_TYPE_Q8_0, x), "fast_from_float q8_0: ggml's bits");
}

/// Superblocks as models have them and as they hardly ever do.
std::vector<float> superblocks() {
    generator          g{53};
    std::vector<float> x;
    const auto         add = [&](auto value) {
        for (int i = 0; i < 256; ++i) {
            x.push_back(value(i));
        }
    };
    for (int k = 0; k < 301; ++k) { // sums of uniform numbers: nearly normal
        const float size = k % 3 == 0 ? 0.02f : 1.0f;
        add([&](int) { return size * (g.uniform() + g.uniform() + g.uniform()); });
    }
    add([](int) { return 0.0f; });
    add([](int) { return 0.7f; });                                             // all alike
    add([](int) { return -0.7f; });
    add([&](int) { return 1 + g.uniform() / 4; });                             // all above zero
    add([&](int) { return -1 + g.uniform() / 4; });                            // all below
    add([&](int i) { return i == 100 ? 50.0f : 1e-3f * g.uniform(); });        // one stands out: the others' scale is lost
    add([&](int i) { return i / 32 == 3 ? 0.0f : g.uniform(); });              // a small block of zeros
    add([&](int i) { return i / 16 == 3 ? 1e-16f * g.uniform() : g.uniform(); });
    add([&](int) { return (float) (int) (g.uniform() * 4); });                 // few values, halves between levels
    add([&](int) { return 1e-7f * g.uniform(); });                             // a scale below the normal halves
    add([&](int) { return 1e-12f * g.uniform(); });                            // and below all
    add([&](int) { return 1e6f * g.uniform(); });                              // and near the largest
    return x;
}

/// A ggml that was built for this very machine may fuse products into sums: then bits may differ, and errors may not grow.
void test_k_quant(stored_type type, ggml_type same) {
    const std::vector<float> x    = superblocks();
    const std::string        name = std::string("fast_from_float ") + ggml_type_name(same);
    const from_float_fn      fast = fast_from_float(type);
    if (!fast) {
        return;
    }
    const auto           n = (int64_t) x.size(); // an odd number of superblocks in all: two may be made at once
    const size_t         n_bytes = ggml_row_size(same, n);
    std::vector<uint8_t> got(n_bytes + 1, 0xab), want = got;
    fast(x.data(), got.data(), n);
    ggml_quantize_chunk(same, x.data(), want.data(), 0, 1, n, nullptr);
    check(got[n_bytes] == 0xab, name + ": nothing is written behind");
#if defined(__linux__) && defined(__x86_64__) && defined(FORJA_LLAMA_PREBUILT)
    check(got == want, name + ": ggml's bits");
#endif
    std::vector<float> here(x.size()), there(x.size());
    ggml_get_type_traits(same)->to_float(got.data(), here.data(), n);
    ggml_get_type_traits(same)->to_float(want.data(), there.data(), n);
    bool as_good = true;
    for (int64_t block = 0; block < n; block += 256) {
        double mine = 0, theirs = 0;
        for (int64_t i = block; i < block + 256; ++i) {
            mine += std::pow((double) here[i] - x[i], 2);
            theirs += std::pow((double) there[i] - x[i], 2);
        }
        as_good = as_good && mine <= theirs * 1.05 + 1e-30; // the search takes the better of near equals
    }
    check(as_good, name + ": each superblock as near as ggml's");
}

void test_all() {
    test_add_low_rank(64, 16, 8);
    test_add_low_rank(77, 6, 7);
    test_add_low_rank(5, 1, 3);
    test_add_low_rank(576, 65, 13);
    test_to_f16();
    test_to_q8_0();
    test_k_quant(stored_type::q4_k, GGML_TYPE_Q4_K);
    test_k_quant(stored_type::q5_k, GGML_TYPE_Q5_K);
    test_k_quant(stored_type::q6_k, GGML_TYPE_Q6_K);
}

} // namespace

int main() {
    on_every_isa(test_all);
    return result();
}
