// Attention out of ggml's operations, in tiles of queries, against the CPU kernels' scalar double-precision version: whatever the
// tiles, windows, caps and groups. And its memory, which grows with a row's length and not with the square. On the CPU in the part of
// a device, and on the devices of this machine.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/device-attention.hpp"
#include "support/kernel-checks.hpp"
#include "support/device-cases.hpp"

using namespace forja;
using namespace forja::test;

namespace {

struct attention_case {
    int64_t              head_dim, n_head, n_head_kv;
    std::vector<int32_t> seq_start;
    float                softcap;
    int                  n_swa;
    int64_t              rows; // queries of a tile
};

const attention_case cases[] = {
    {64, 9, 3, {0, 150}, 0, 0, 64},          // SmolLM2's heads; the last tile is not full
    {64, 9, 3, {0, 150}, 0, 0, 256},         // one tile
    {64, 2, 2, {0, 64, 65, 200}, 0, 0, 32},  // several sequences, one of a single token
    {64, 4, 1, {0, 130}, 0, 37, 32},         // a window across tiles
    {16, 4, 2, {0, 70}, 0, 5, 32},           // keys between what two tiles see: a window below a tile
    {16, 4, 2, {0, 40}, 0, 2, 16},           // a window of two
    {16, 4, 2, {0, 33}, 2.5f, 0, 16},        // a soft cap; a last tile of one query
    {32, 4, 4, {0, 70, 97}, 2.5f, 20, 16},   // both
    {256, 4, 1, {0, 20, 85}, 0, 16, 16},     // Gemma 3's
    {128, 8, 2, {0, 96, 100}, 0, 0, 48},
};

std::string name_of(const attention_case & c) {
    std::string s = "D " + std::to_string(c.head_dim) + ", heads " + std::to_string(c.n_head) + "/" + std::to_string(c.n_head_kv) + ", T";
    for (size_t i = 1; i < c.seq_start.size(); i++) {
        s += " " + std::to_string(c.seq_start[i] - c.seq_start[i - 1]);
    }
    return s + ", tiles of " + std::to_string(c.rows) + (c.softcap > 0 ? ", cap" : "") + (c.n_swa > 0 ? ", window " + std::to_string(c.n_swa) : "");
}

struct outcome {
    std::vector<float> out, dq, dk, dv;
    size_t             bytes = 0; // of the graph's values
};

// Forward and backward in one graph; `wanted` of q, k, v have a gradient.
outcome run(const attention_case & c, std::shared_ptr<device> dev, const std::vector<float> & q, const std::vector<float> & k,
            const std::vector<float> & v, const std::vector<float> & dy, bool wants_q = true, bool wants_k = true, bool wants_v = true, bool dry = false) {
    graph_runner runner(dev, precision::f32);
    runner.attention_rows = c.rows;
    micro_batch mb;
    mb.seq_start = c.seq_start;
    mb.tokens.resize(c.seq_start.back());
    mb.positions.resize(c.seq_start.back());
    const int64_t T = mb.n_tokens();
    graph         g(runner, dry, T / c.rows + mb.n_seq());
    batch_inputs  in(g, mb);
    tape          t(g, nullptr, true);
    auto          given = [&](const std::vector<float> & x, std::initializer_list<int64_t> ne) {
        return g.input(GGML_TYPE_F32, ne, [&x](void * dst) { std::memcpy(dst, x.data(), x.size() * sizeof(float)); });
    };
    var qv = t.input(given(q, {c.head_dim, c.n_head, T}), wants_q);
    var kv = t.input(given(k, {c.head_dim, c.n_head_kv, T}), wants_k);
    var vv = t.input(given(v, {c.head_dim, c.n_head_kv, T}), wants_v);
    var y  = device_attention(t, in, qv, kv, vv, {1.0f / std::sqrt((float) c.head_dim), c.softcap, c.n_swa});
    t.backward(y, given(dy, {c.head_dim * c.n_head, T}));
    ggml_tensor * results[] = {y->value, qv->grad, kv->grad, vv->grad};
    for (ggml_tensor * x : results) {
        if (x) {
            ggml_set_output(x);
            g.expand(x);
        }
    }
    outcome got;
    if (dry) {
        got.bytes = runner.measure(g);
        return got;
    }
    g.run();
    std::vector<float> * to[] = {&got.out, &got.dq, &got.dk, &got.dv};
    for (int i = 0; i < 4; i++) {
        if (results[i]) {
            to[i]->resize(ggml_nelements(results[i]));
            ggml_backend_tensor_get(results[i], to[i]->data(), 0, to[i]->size() * sizeof(float));
        }
    }
    return got;
}

void run_case(const attention_case & c, std::shared_ptr<device> dev) {
    const cpu::attention_shape s = {c.head_dim, c.n_head, c.n_head_kv, c.seq_start.back(), (int32_t) c.seq_start.size() - 1, c.seq_start.data(),
                                    1.0f / std::sqrt((float) c.head_dim), c.softcap, c.n_swa, cpu::product_type::f32};
    generator                g{7};
    const std::vector<float> q = g.floats(s.head_dim * s.n_head * s.n_tokens, 3), k = g.floats(s.head_dim * s.n_head_kv * s.n_tokens, 3),
                             v = g.floats(s.head_dim * s.n_head_kv * s.n_tokens), dy = g.floats(s.head_dim * s.n_head * s.n_tokens);
    values out, lse, dq, dk, dv;
    cpu::reference::attention_forward(s, widened(q), widened(k), widened(v), out, lse);
    cpu::reference::attention_backward(s, widened(q), widened(k), widened(v), out, lse, widened(dy), dq, dk, dv);
    const outcome     got   = run(c, dev, q, k, v, dy);
    const std::string name  = name_of(c) + " on " + dev->name();
    const bool        exact = dev->name() == "emulated";
    // Exact: F32 sums of up to some hundred products, 1e-7 each; the largest element is about ten times the root mean square. A GPU's
    // products may round q and k to TF32 or F16 (2^-11): logits of size 10 move by 5e-3, and so do the probabilities.
    check_values(name + ": out", got.out, out, exact ? 1e-5 : 5e-2);
    check_values(name + ": dq", got.dq, dq, exact ? 3e-5 : 2e-1);
    check_values(name + ": dk", got.dk, dk, exact ? 3e-5 : 2e-1);
    check_values(name + ": dv", got.dv, dv, exact ? 3e-5 : 2e-1);
    if (!exact) {
        return;
    }
    // What has no gradient costs nothing and changes nothing of the others.
    for (int which = 0; which < 3; which++) {
        const outcome one = run(c, dev, q, k, v, dy, which == 0, which == 1, which == 2);
        const bool same = which == 0 ? same_bits(one.dq, got.dq) && one.dk.empty() && one.dv.empty()
                        : which == 1 ? same_bits(one.dk, got.dk) && one.dq.empty() && one.dv.empty()
                                     : same_bits(one.dv, got.dv) && one.dq.empty() && one.dk.empty();
        check(same, name + ": a gradient asked for alone is the same, number " + std::to_string(which));
    }
}

// Twice the length needs twice the memory, and tiles of half the queries leave no trace of the length in the scores.
void memory(std::shared_ptr<device> dev) {
    auto bytes = [&](int32_t length, int64_t rows, int n_swa, int n_rows = 1) {
        attention_case c{64, 32, 8, {0}, 0, n_swa, rows};
        for (int i = 1; i <= n_rows; i++) {
            c.seq_start.push_back(i * length);
        }
        return (double) run(c, dev, {}, {}, {}, {}, true, true, true, true).bytes;
    };
    const double short_row = bytes(1024, 128, 0), long_row = bytes(4096, 128, 0), scores = 4096.0 * 4096 * 32 * sizeof(float);
    check(long_row < 4.2 * short_row, "four times the length takes " + std::to_string(long_row / short_row) + " times the memory");
    check(long_row < 0.3 * scores, "4096 tokens take " + std::to_string(long_row / scores) + " of what their scores would");
    check(bytes(1024, 128, 0, 4) < long_row, "four rows of a quarter take less than one");
    check(bytes(4096, 128, 256) < 0.75 * long_row, "a window takes less");
}

void sizes() {
    const int64_t mib = 1 << 20;
    check(query_tile_rows(32, 512, 64 * mib) == 256, "512 tokens in two tiles");
    check(query_tile_rows(32, 2048, 64 * mib) == 256, "2048 tokens in tiles of 256: 64 MiB");
    check(query_tile_rows(32, 8192, 64 * mib) == 64, "8192 in tiles of 64: 64 MiB");
    check(query_tile_rows(32, 300, 64 * mib) == 160, "300 in two of about the same size");
    check(query_tile_rows(9, 20, 64 * mib) == 32, "a short row in one");
    check(query_tile_rows(32, 131072, 64 * mib) == 128, "no more than 1024 tiles");
    for (int64_t longest : {1, 17, 255, 256, 257, 1000, 5000}) {
        for (int64_t bytes : {int64_t(0), mib, 64 * mib}) {
            for (int n_swa : {0, 1, 100}) {
                int64_t next = 0;
                bool    good = true;
                for (const query_tile & t : query_tiles(longest, query_tile_rows(32, longest, bytes), n_swa)) {
                    good = good && t.first == next && t.n > 0 && t.key_first % 64 == 0 &&
                           t.key_first <= std::max<int64_t>(0, t.first - n_swa + 1) && (n_swa > 0 ? t.key_first + 64 > t.first - n_swa + 1 : t.key_first == 0);
                    next = t.end();
                }
                check(good && next == longest, std::to_string(longest) + " tokens, window " + std::to_string(n_swa) + ": every query is in one tile, which has its keys");
            }
        }
    }
}

} // namespace

int main(int argc, char ** argv) {
    std::vector<std::string> names;
    for (const attention_case & c : cases) {
        names.push_back(name_of(c));
    }
    return device_test(argc, argv, names,
        [] {
            sizes();
            memory(device::open_emulated(1));
            for (const attention_case & c : cases) {
                run_case(c, device::open_emulated(1));
            }
        },
        [](size_t i, const device_info & d) { run_case(cases[i], device::open(d.name, 1)); });
}
