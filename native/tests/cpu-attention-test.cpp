// Attention's fused CPU kernels against their scalar double-precision versions, on every instruction set that this machine has;
// those versions' gradients against central differences; and the same bits for any number of threads.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ops/cpu/kernels.hpp"
#include "support/kernel-checks.hpp"

using namespace forja::cpu;
using namespace forja::test;

namespace {

struct attention_case {
    int64_t              head_dim, n_head, n_head_kv;
    std::vector<int32_t> seq_start;
    float                softcap;
    int32_t              n_swa;
    product_type         type = product_type::f32;

    attention_shape shape() const {
        return {head_dim, n_head, n_head_kv, seq_start.back(), (int32_t) seq_start.size() - 1, seq_start.data(),
                1.0f / std::sqrt((float) head_dim), softcap, n_swa, type};
    }
    std::string name() const {
        std::string s = "D " + std::to_string(head_dim) + ", heads " + std::to_string(n_head) + "/" +
                        std::to_string(n_head_kv) + ", T";
        for (size_t i = 1; i < seq_start.size(); ++i) {
            s += " " + std::to_string(seq_start[i] - seq_start[i - 1]);
        }
        return (type == product_type::bf16 ? "bf16 " : "") + s + (softcap > 0 ? ", cap" : "") +
               (n_swa > 0 ? ", window " + std::to_string(n_swa) : "");
    }
};

struct attention_run {
    std::vector<float> out, lse, dq, dk, dv;
};

attention_run run_attention(const attention_shape & s, const std::vector<float> & q, const std::vector<float> & k,
                            const std::vector<float> & v, const std::vector<float> & d_out, int nth, bool with_queue) {
    const float        stale = 12345; // no output may depend on what was there
    attention_run      r     = {std::vector<float>(q.size(), stale), std::vector<float>(s.n_head * s.n_tokens, stale),
                                std::vector<float>(q.size(), stale), std::vector<float>(k.size(), stale),
                                std::vector<float>(v.size(), stale)};
    std::vector<float> partial(attention_backward_partial_bytes(s) / sizeof(float), NAN);
    const size_t       bytes = std::max(attention_forward_scratch_bytes(s), attention_backward_scratch_bytes(s));
    std::vector<std::vector<float>> scratch(nth, std::vector<float>(bytes / sizeof(float) + 1, NAN));
    work_queue                      queue;
    work_queue *                    used = with_queue ? &queue : nullptr;
    on_threads(nth, [&](int ith, int n) {
        attention_forward(s, q.data(), k.data(), v.data(), r.out.data(), r.lse.data(), scratch[ith].data(), used, ith, n);
    });
    on_threads(nth, [&](int ith, int n) {
        attention_backward(s, q.data(), k.data(), v.data(), r.out.data(), r.lse.data(), d_out.data(), r.dq.data(),
                           r.dk.data(), r.dv.data(), partial.data(), scratch[ith].data(), used, ith, n);
    });
    on_threads(nth, [&](int ith, int n) { attention_backward_reduce(s, r.dq.data(), partial.data(), ith, n); });
    if (queue.next != 0) {
        check(false, "a work queue is ready for its next use");
    }
    return r;
}

void test_attention(const attention_case & c) {
    const attention_shape    s = c.shape();
    generator                g{7};
    const std::vector<float> q     = g.floats(s.head_dim * s.n_head * s.n_tokens, 3);
    const std::vector<float> k     = g.floats(s.head_dim * s.n_head_kv * s.n_tokens, 3);
    const std::vector<float> v     = g.floats(s.head_dim * s.n_head_kv * s.n_tokens);
    const std::vector<float> d_out = g.floats(s.head_dim * s.n_head * s.n_tokens);
    values                   out, lse, dq, dk, dv;
    reference::attention_forward(s, widened(q), widened(k), widened(v), out, lse);
    reference::attention_backward(s, widened(q), widened(k), widened(v), out, lse, widened(d_out), dq, dk, dv);

    const attention_run one  = run_attention(s, q, k, v, d_out, 1, false);
    const std::string   name = "attention " + c.name();
    if (c.type == product_type::bf16) {
        // Rounding q and k (2^-9 each) moves logits of size 10 by about 1e-2, and so the probabilities.
        check_mean(name + ": out", one.out, out, 1e-2);
        check_mean(name + ": lse", one.lse, lse, 1e-2);
        check_mean(name + ": dq", one.dq, dq, 2e-2);
        check_mean(name + ": dk", one.dk, dk, 2e-2);
        check_mean(name + ": dv", one.dv, dv, 2e-2);
    } else {
        // Sums of up to some hundred products, 1e-7 each; the largest element is about ten times the root mean square.
        check_values(name + ": out", one.out, out, 1e-5);
        check_values(name + ": lse", one.lse, lse, 1e-5);
        check_values(name + ": dq", one.dq, dq, 3e-5);
        check_values(name + ": dk", one.dk, dk, 3e-5);
        check_values(name + ": dv", one.dv, dv, 3e-5);
    }

    bool same = true;
    for (const int nth : {2, 3, 16}) {
        for (const bool with_queue : {false, true}) {
            const attention_run more = run_attention(s, q, k, v, d_out, nth, with_queue);
            same = same && same_bits(one.out, more.out) && same_bits(one.lse, more.lse) && same_bits(one.dq, more.dq) &&
                   same_bits(one.dk, more.dk) && same_bits(one.dv, more.dv);
        }
    }
    check(same, name + ": same bits for 1, 2, 3, 16 threads");
}

void test_attention_reference() {
    for (const float cap : {0.0f, 2.0f}) {
        const attention_case  c = {5, 4, 2, {0, 6, 7, 11}, cap, 4};
        const attention_shape s = c.shape();
        generator             g{3};
        values q = widened(g.floats(5 * 4 * 11, 2)), k = widened(g.floats(5 * 2 * 11, 2)),
               v = widened(g.floats(5 * 2 * 11)), d_out = widened(g.floats(5 * 4 * 11)), out, lse, dq, dk, dv;
        reference::attention_forward(s, q, k, v, out, lse);
        reference::attention_backward(s, q, k, v, out, lse, d_out, dq, dk, dv);
        const auto loss = [&](const values & q1, const values & k1, const values & v1) {
            values o, l;
            reference::attention_forward(s, q1, k1, v1, o, l);
            double total = 0;
            for (size_t i = 0; i < o.size(); ++i) {
                total += o[i] * d_out[i];
            }
            return total;
        };
        const std::string name = cap > 0 ? "reference attention, cap: " : "reference attention: ";
        check_differences(name + "dq", q, dq, [&](const values & x) { return loss(x, k, v); });
        check_differences(name + "dk", k, dk, [&](const values & x) { return loss(q, x, v); });
        check_differences(name + "dv", v, dv, [&](const values & x) { return loss(q, k, x); });
    }
}

void test_all() {
    const std::vector<attention_case> cases = {
        {64, 9, 3, {0, 150}, 0, 0},                // SmolLM2's heads; a sequence that ends inside a tile
        {64, 2, 2, {0, 64, 65, 65, 200}, 0, 0},    // several sequences, one of a single token, one empty
        {64, 4, 1, {0, 130}, 0, 37},               // a window
        {16, 4, 2, {0, 33}, 2.5f, 0},              // a soft cap
        {32, 4, 4, {0, 70, 97}, 2.5f, 20},         // both
        {80, 2, 1, {0, 67}, 0, 0},
        {96, 2, 2, {0, 66}, 0, 0},
        {128, 4, 1, {0, 65}, 0, 0},
        {256, 4, 1, {0, 20, 85}, 0, 16},           // Gemma 3's
        {5, 3, 1, {0, 11, 40}, 0, 0},              // no whole vector
        {72, 2, 1, {0, 19}, 0, 2},                 // a window smaller than any vector
        {64, 1, 1, {0, 600}, 0, 0},                // more key tiles than chunks
    };
    for (const attention_case & c : cases) {
        test_attention(c);
        if (fastest_product() == product_type::bf16) {
            attention_case rounded = c;
            rounded.type           = product_type::bf16;
            test_attention(rounded);
        }
    }
}

} // namespace

int main() {
    test_attention_reference();
    on_every_isa(test_all);
    return result();
}
