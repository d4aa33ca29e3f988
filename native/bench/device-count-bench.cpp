// What a training step does on a device, counted: nothing runs and no GPU is needed. Every graph of a step is built for real dimensions
// on the emulated device, and its nodes are added up: kernels launched, bytes that they read and write, floating-point operations, and
// what goes to and from the host. From these a roofline estimate for GPUs, by their makers' figures.
//
//   device-count-bench [SHAPE [TOKENS_A_ROW [ROWS [RANK]]]]       llama-3.1-8b 512 8 16
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "fixtures/large-model.hpp"
#include "model/run-part.hpp"
#include "ops/device-attention.hpp"
#include "optim/adamw.hpp"
#include "support/temporary-folder.hpp"
#include "train/block-pass.hpp"
#include "train/engine.hpp"

using namespace forja;

namespace {

// Published: memory bandwidth; products with F16 or BF16 factors and F32 sums, dense; with 8-bit factors; all else in F32. A launch takes
// what a driver needs to feed a kernel that waits for none.
struct gpu {
    const char * name;
    double       bandwidth, half_flops, int8_ops, f32_flops; // per second
    double       launch_s;
};
constexpr gpu gpus[] = {
    {"RTX 4060", 272e9, 30.2e12, 121e12, 15.1e12, 2.5e-6},   {"RTX 4090", 1008e9, 165.2e12, 660e12, 82.6e12, 2.5e-6},
    {"H100 SXM", 3350e9, 989e12, 1979e12, 67e12, 2.5e-6},    {"RX 7900 XTX", 960e9, 122.8e12, 122.8e12, 61.4e12, 5e-6},
    {"M3 Pro (18)", 150e9, 7.4e12, 7.4e12, 7.4e12, 4e-6},
};
// What kernels reach of these, as a rule: ggml's large products about 0.6, streaming kernels about 0.8.
constexpr double reached_products = 0.6, reached_bandwidth = 0.8;

bool is_view(const ggml_tensor * t) {
    return t->op == GGML_OP_NONE || t->op == GGML_OP_RESHAPE || t->op == GGML_OP_VIEW || t->op == GGML_OP_PERMUTE || t->op == GGML_OP_TRANSPOSE;
}

struct work {
    double launches = 0, bytes = 0, flops = 0, seconds[std::size(gpus)] = {};

    work & operator+=(const work & o) {
        launches += o.launches;
        bytes += o.bytes;
        flops += o.flops;
        for (size_t i = 0; i < std::size(gpus); i++) {
            seconds[i] += o.seconds[i];
        }
        return *this;
    }
    work times(double n) const {
        work out{launches * n, bytes * n, flops * n, {}};
        for (size_t i = 0; i < std::size(gpus); i++) {
            out.seconds[i] = seconds[i] * n;
        }
        return out;
    }
};

// A node by itself, as CUDA runs it: activations become 8-bit blocks before a product with a quantised weight and BF16 before one with
// BF16, by a kernel of its own.
work of(const ggml_tensor * node) {
    work w;
    w.launches = 1;
    w.bytes    = (double) ggml_nbytes(node);
    for (const ggml_tensor * src : node->src) {
        // A row of a table at a time: what is gathered, not the table.
        const bool gathered = node->op == GGML_OP_GET_ROWS && src == node->src[0];
        w.bytes += !src || src == node ? 0 : gathered ? (double) ggml_row_size(src->type, ggml_nelements(node)) : (double) ggml_nbytes(src);
    }
    const ggml_tensor * a = node->src[0];
    const bool          product = node->op == GGML_OP_MUL_MAT, outer = node->op == GGML_OP_OUT_PROD;
    if (product || outer) {
        w.flops = 2.0 * (double) ggml_nelements(node) * (double) (product ? a->ne[0] : a->ne[1]);
        if (a->type != GGML_TYPE_F32) {
            w.launches += 1;
            w.bytes += (double) ggml_nelements(node->src[1]) * (ggml_is_quantized(a->type) ? 2.25 : 4.0); // written and read again
        }
    }
    for (size_t i = 0; i < std::size(gpus); i++) {
        const gpu &  g    = gpus[i];
        const double peak = !(product || outer) || a->type == GGML_TYPE_F32 ? g.f32_flops : ggml_is_quantized(a->type) ? g.int8_ops : g.half_flops;
        w.seconds[i]      = std::max({w.bytes / (g.bandwidth * reached_bandwidth), w.flops / (peak * reached_products), w.launches * g.launch_s});
    }
    return w;
}

const char * kind_of(const ggml_tensor * node) {
    if (node->op == GGML_OP_MUL_MAT || node->op == GGML_OP_OUT_PROD) {
        return ggml_nelements(node) == 0 ? "" : node->src[0]->ne[2] > 1 ? "products in attention"
             : std::min({node->ne[0], node->ne[1], node->op == GGML_OP_MUL_MAT ? node->src[0]->ne[0] : node->src[0]->ne[1]}) <= 256 ? "adapter's products" : "products with weights";
    }
    return ggml_op_desc(node);
}

struct counter {
    std::map<std::string, work> by_kind, by_graph;
    double                      uploaded = 0, runs = 0;

    void add(const graph & g, const std::string & name, double times) {
        for (int i = 0; i < g.n_nodes(); i++) {
            const ggml_tensor * node = g.node(i);
            if (!is_view(node)) {
                const work w = of(node).times(times);
                by_kind[kind_of(node)] += w;
                by_graph[name] += w;
            }
        }
        uploaded += times * (double) g.input_bytes();
        runs += times;
    }
};

void print(const char * title, const std::map<std::string, work> & rows, const work & all) {
    std::printf("\n%-28s %9s %9s %9s", title, "launches", "GB", "TFLOP");
    for (const gpu & g : gpus) {
        std::printf(" %12s", g.name);
    }
    std::printf("\n");
    auto line = [&](const std::string & name, const work & w) {
        std::printf("%-28s %9.0f %9.1f %9.2f", name.c_str(), w.launches, 1e-9 * w.bytes, 1e-12 * w.flops);
        for (size_t i = 0; i < std::size(gpus); i++) {
            std::printf(" %7.0f ms %c%c", 1e3 * w.seconds[i], ' ', ' ');
        }
        std::printf("\n");
    };
    std::vector<std::pair<std::string, work>> sorted(rows.begin(), rows.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto & a, const auto & b) { return a.second.seconds[1] > b.second.seconds[1]; });
    for (const auto & [name, w] : sorted) {
        line(name, w);
    }
    line("all", all);
}

} // namespace

int main(int argc, char ** argv) {
    const std::string shape  = argc > 1 ? argv[1] : "llama-3.1-8b";
    const int         length = argc > 2 ? std::atoi(argv[2]) : 512, n_rows = argc > 3 ? std::atoi(argv[3]) : 8, rank = argc > 4 ? std::atoi(argv[4]) : 16;

    test::temporary_folder folder;
    const std::string      path = folder.path("outline.gguf");
    fixtures::write_large_outline(shape, path);
    const auto      kinds = fixtures::block_kinds(shape);
    auto            dev   = device::open_emulated(1);
    auto            base  = model::load(gguf_file::open(path), dev, length, false);
    const hparams & hp    = base->hp();
    method_settings s;
    s.lora_rank = rank;
    auto tuning = make_method(s, *base, true);

    micro_batch mb;
    for (int i = 0; i < n_rows; i++) {
        const std::vector<uint32_t> row(length, 0x80000000u);
        append_row(mb, row.data(), row.size(), length, i);
    }
    const int64_t T = mb.n_tokens();
    graph_runner  runner(dev, precision::fast, base->base_type());
    runner.attention_rows = query_tile_rows(hp.n_head, length, engine::options().score_bytes);
    runner.gradient_factor = 0.5f; // a mean's: not 1

    counter c;
    size_t  compute = 0;
    int     n_layer = 0;
    double  params = 0, kept = 0;
    auto    state  = [&](graph & g) { return g.leaf(GGML_TYPE_F32, {hp.n_embd, T}, nullptr, nullptr); };
    for (size_t il = 0; il < kinds.size(); il++) {
        n_layer += kinds[il].count;
        {
            block_pass p(runner, mb, true, true);
            var        y = block_forward(p.t, p.in, *base, (int) il, tuning.get(), 0, p.t.input(state(p.g), false));
            p.g.place(y->value, nullptr, nullptr);
            p.g.expand(y->value);
            c.add(p.g, "blocks, forward", kinds[il].count);
            compute = std::max(compute, runner.measure(p.g));
        }
        block_pass p(runner, mb, true, true);
        var        x = p.t.input(state(p.g), true);
        var        y = block_forward(p.t, p.in, *base, (int) il, tuning.get(), 0, x);
        p.t.backward(y, state(p.g));
        p.g.expand(x->grad);
        c.add(p.g, "blocks, again and backward", kinds[il].count);
        compute = std::max(compute, runner.measure(p.g));

        block_pass k(runner, mb, true, true);
        k.kept.what = kept_values::mode::measure;
        k.kept.bf16 = true;
        block_forward(k.t, k.in, *base, (int) il, tuning.get(), 0, k.t.input(state(k.g), true));
        kept += (double) k.kept.bytes * kinds[il].count;
        for (int i = 0; i < tuning->params().count(); i++) {
            if (tuning->params().name(i).rfind("blk." + std::to_string(il) + ".", 0) == 0) {
                params += (double) ggml_nelements(tuning->params().value(i)) * kinds[il].count;
            }
        }
    }
    output_head   head(runner, *base, 256ll << 20); // as an engine with 8 GB or more
    const int64_t supervised = (int64_t) mb.labels.size(), at_a_time = head.rows_at_a_time(supervised);
    head.look(mb, {state, state}, 0, [&](graph & g) {
        c.add(g, "head and loss", (double) ((supervised + at_a_time - 1) / at_a_time));
        compute = std::max(compute, runner.measure(g));
    });
    {
        const double  of_params = params / (double) tuning->params().n_params();
        const float   settings[7] = {};
        graph         norm(runner, true);
        add_square_sums(norm, tuning->params());
        c.add(norm, "optimiser", of_params);
        graph g(runner, true);
        add_adamw(g, tuning->params(), 0.5, settings);
        c.add(g, "optimiser", of_params);
    }

    work all;
    for (const auto & [name, w] : c.by_kind) {
        all += w;
    }
    double weights = 0;
    for (size_t il = 0; il < kinds.size(); il++) {
        for (const tensor_info & t : base->file().tensors()) {
            if (t.name.rfind("blk." + std::to_string(il) + ".", 0) == 0) {
                weights += (double) t.n_bytes * kinds[il].count;
            }
        }
    }
    weights += (double) base->output().info->n_bytes;
    const double hidden = (double) hp.n_embd * (double) T * sizeof(float);
    std::printf("%s, %d rows of %d tokens, all supervised, rank %d on all linear layers, nothing kept but blocks' inputs\n", shape.c_str(), n_rows, length, rank);
    print("by graph", c.by_graph, all);
    print("by kind of node", c.by_kind, all);
    const work products = [&] {
        work w;
        for (const char * kind : {"products with weights", "adapter's products", "products in attention"}) {
            w += c.by_kind[kind];
        }
        return w;
    }();
    std::printf("\n");
    for (size_t i = 0; i < std::size(gpus); i++) {
        std::printf("%-12s %7.0f tokens/s, %2.0f %% of the time not in products, launches alone %.0f ms\n", gpus[i].name, (double) T / all.seconds[i],
                    100 * (1 - products.seconds[i] / all.seconds[i]), 1e3 * all.launches * gpus[i].launch_s);
    }
    std::printf("graphs run: %.0f, each waited for; bytes from the host: %.1f MB, to the host: %.1f MB\n", c.runs, 1e-6 * (c.uploaded + hidden), 1e-6 * (double) supervised * 4);
    std::printf("memory: weights %.2f, adapter and optimiser %.2f, blocks' inputs and gradients %.2f, a graph's values %.2f: %.2f GiB; all inner values would be %.2f more\n", weights / (1 << 30),
                params * 16 / (1 << 30), hidden * (n_layer + 3) / (1 << 30), (double) compute / (1 << 30),
                (weights + params * 16 + hidden * (n_layer + 3) + (double) compute) / (1 << 30), kept / (1 << 30));
    return 0;
}
