// The emulated device keeps the rules of the strictest backend: what nobody was promised is gone, what was promised is there, and an
// operand at an odd offset is refused. Without these every other test of it would prove less.
#include <cmath>
#include <cstring>

#include "ops/backend-rules.hpp"
#include "ops/graph.hpp"
#include "support/expect-error.hpp"
#include "support/report.hpp"

using namespace forja;
using namespace forja::test;

namespace {

constexpr int64_t n = 64; // floats: 256 bytes

struct memory {
    ggml_backend_buffer_ptr buffer;
    explicit memory(device & dev) : buffer(ggml_backend_buft_alloc_buffer(dev.buffer_type(), 16 * n * sizeof(float))) {
        for (int64_t i = 0; i < 16 * n; i++) {
            at(0)[i] = (float) i;
        }
    }
    float * at(int slot) const { return (float *) ggml_backend_buffer_get_base(buffer.get()) + slot * n; }
};

bool is(const float * x, float value) {
    bool all = true;
    for (int64_t i = 0; i < n; i++) {
        all = all && (std::isnan(value) ? std::isnan(x[i]) : x[i] == value);
    }
    return all;
}

// a + b + c, whose first sum lies in memory that outlives the graph.
void multi_add(std::shared_ptr<device> dev) {
    graph_runner runner(dev, precision::f32);
    memory       m(*dev);
    auto         run = [&](bool promised) {
        graph         g(runner);
        auto          ones  = [&] { return g.input(GGML_TYPE_F32, {n}, [](void * dst) { std::fill_n((float *) dst, n, 1.0f); }); };
        ggml_tensor * first = ggml_add(g.ctx(), ones(), ones());
        ggml_tensor * last  = ggml_add(g.ctx(), first, ones());
        if (promised) {
            g.place(first, m.buffer.get(), m.at(0));
        } else {
            g.bind(first, m.buffer.get(), m.at(0));
        }
        g.bind(last, m.buffer.get(), m.at(1)); // nothing else computes it: no backend leaves it out
        g.expand(last);
        g.run();
    };
    run(false);
    check(is(m.at(0), NAN), "a sum that another node uses is gone after its graph");
    check(is(m.at(1), 3), "the last one is there");
    run(true);
    check(is(m.at(0), 2), "a sum that was placed is there");
}

// What shares memory with a value that is gone stays, as does what somebody else owns.
void shared_memory(std::shared_ptr<device> dev) {
    graph_runner runner(dev, precision::f32);
    memory       m(*dev);
    std::fill_n(m.at(4), n, 5.0f);
    graph         g(runner);
    ggml_tensor * mine  = g.leaf(GGML_TYPE_F32, {n}, m.buffer.get(), m.at(4));
    ggml_tensor * wide  = ggml_repeat_4d(g.ctx(), mine, n, 3, 1, 1);
    ggml_tensor * sum   = ggml_sum_rows(g.ctx(), ggml_reshape_2d(g.ctx(), wide, n, 3));
    g.bind(wide, m.buffer.get(), m.at(0));
    ggml_tensor * over = ggml_scale(g.ctx(), mine, 2.0f); // into the middle of what `wide` left
    g.place(over, m.buffer.get(), m.at(1));
    g.expand(sum);
    g.expand(over);
    g.expand(ggml_add_inplace(g.ctx(), mine, mine));
    g.run();
    check(is(m.at(0), NAN) && is(m.at(2), NAN), "around a promised value all is gone");
    check(is(m.at(1), 10), "a promised value over the memory of one that is gone");
    check(is(m.at(4), 10), "a leaf that was added to in place");
}

void offsets(std::shared_ptr<device> dev) {
    graph_runner runner(dev, precision::f32);
    memory       m(*dev);
    auto         with = [&](int64_t first, bool copied, auto && make) {
        graph         g(runner);
        ggml_tensor * whole = g.leaf(GGML_TYPE_F32, {n, 8}, m.buffer.get(), m.at(0));
        ggml_tensor * part  = ggml_view_2d(g.ctx(), whole, n, 2, whole->nb[1], first * sizeof(float));
        ggml_tensor * y     = make(g, copied ? g.aligned(part) : part);
        ggml_set_output(y);
        g.expand(y);
        g.run();
        return y != nullptr;
    };
    auto product = [](graph & g, ggml_tensor * x) { return ggml_mul_mat(g.ctx(), x, x); };
    auto soft    = [](graph & g, ggml_tensor * x) { return ggml_soft_max(g.ctx(), x); };
    auto sum     = [](graph & g, ggml_tensor * x) { return ggml_add(g.ctx(), x, x); };
    check_fails("internal", "a product of rows from an odd offset", [&] { with(3, false, product); });
    check_fails("internal", "soft max from an odd offset", [&] { with(1, false, soft); });
    check(with(n, false, product) && with(n, false, soft), "both from a multiple of 256 bytes");
    check(with(3, true, product), "a product of an aligned copy");
    check(with(3, false, sum), "a sum from an odd offset: every backend's kernels take it");
}

// What the host does while a device computes may come before the device has read anything.
void meanwhile(std::shared_ptr<device> dev) {
    graph_runner runner(dev, precision::f32);
    memory       m(*dev);
    graph         g(runner);
    ggml_tensor * y = ggml_scale(g.ctx(), g.leaf(GGML_TYPE_F32, {n}, m.buffer.get(), m.at(0)), 2.0f);
    g.place(y, m.buffer.get(), m.at(1));
    g.expand(y);
    g.run([&] { std::fill_n(m.at(0), n, 7.0f); });
    check(is(m.at(1), 14), "the host's work meanwhile comes first");
}

} // namespace

int main() {
    const auto dev = device::open_emulated(1);
    multi_add(dev);
    shared_memory(dev);
    offsets(dev);
    meanwhile(dev);
    return result();
}
