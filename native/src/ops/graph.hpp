// One compute graph: its tensors, the inputs that the host fills, and its run on a device.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ggml-alloc.h"
#include "ggml-cpp.h"
#include "ggml.h"
#include "ops/device.hpp"
#include "ops/profile.hpp"

namespace forja {

/// Precision of the matrix products that are Forja's own choice (those of the backward pass).
enum class precision {
    f32,  // the reference
    fast, // BF16 products with F32 sums where the CPU has BF16 dot products
};

/// What the setting compute_type asks for: f32, or auto.
inline precision precision_of(const std::string & compute_type) { return compute_type == "f32" ? precision::f32 : precision::fast; }

class graph;

/// What graphs share: the device, the allocator of intermediate values, and the memory for graph descriptions.
class graph_runner {
  public:
    /// @param weights the type of most of the base's weights
    graph_runner(std::shared_ptr<device> dev, precision prec, ggml_type weights = GGML_TYPE_F32);

    /// Factor that accumulate_outer() puts on what it adds. Devices multiply in F16 or BF16, in which the gradient of a mean over
    /// thousands of tokens would vanish: there gradients are those of the sum of losses until they reach the parameters.
    float gradient_factor = 1.0f;

    /// Largest piece of a weight that is dequantised at a time on a device, in F32 bytes.
    int64_t slab_bytes = 256ll << 20;

    /// Queries of a row that attention takes at a time on a device: see query_tile_rows().
    int64_t attention_rows = 256;

    /// For tests: what stands in the place of a choice (ids [k, T] of top_k). Empty: the choice itself.
    std::function<ggml_tensor *(graph &, ggml_tensor *)> on_choice;

    device &  dev() const { return *dev_; }
    precision prec() const { return prec_; }
    /// Whether the backward pass's products with frozen weights go through the CPU's own kernels (ops/cpu/kernels.hpp), dequantising
    /// as they go.
    bool own_products() const { return own_products_; }
    /// Whether the forward pass's do too: where they are not slower than ggml's. Few of ggml's operations are left then, so these run
    /// on one thread, and the kernels on Forja's own.
    bool own_forward() const { return own_forward_; }

    /// Bytes of the largest graph's intermediate values so far.
    size_t compute_buffer_bytes() const;

    /// Times every operation from now on and adds it up in `into`; null: no more. Slows a step by some microseconds each.
    void set_profile(profile * into) { profile_ = into; }
    /// Bytes that the graph's intermediate values would need; nothing is allocated.
    size_t measure(graph & g) const;

    /// Allocates what the graph needs, without running it; false where there is no memory for it.
    bool reserve(graph & g);

  private:
    friend class graph;
    std::shared_ptr<device> dev_;
    precision               prec_;
    bool                    own_products_ = false;
    bool                    own_forward_  = false;
    profile *               profile_      = nullptr;
    ggml_gallocr_ptr        galloc_;

    // Memory of the one graph alive at a time. Not filled with zeros: what no graph uses is never touched.
    std::unique_ptr<uint8_t[]> meta_;
    size_t                     meta_bytes_ = 0;
};

/// A graph under construction. Only one per runner may be alive.
///
///     graph g(runner);
///     ggml_tensor * x = g.input(GGML_TYPE_F32, {n_embd, T}, [&](void * dst) { ... });
///     ggml_tensor * y = ggml_mul_mat(g.ctx(), w, x);
///     g.output(y, y_store);   // computed straight into persistent memory
///     g.run();
class graph {
  public:
    /// @param dry only built, to be looked at or measured: the memory that leaves and results lie in need not exist yet
    /// @param n_tiles pieces that attention comes in: each adds some dozens of nodes
    explicit graph(graph_runner & runner, bool dry = false, int64_t n_tiles = 0);
    graph(const graph &)             = delete;
    graph & operator=(const graph &) = delete;

    ggml_context * ctx() const { return ctx_.get(); }
    graph_runner & runner() const { return runner_; }
    bool           on_cpu() const { return runner_.dev().is_cpu(); }

    /// A leaf that fill(dst) writes before the run; dst has ggml_nbytes bytes.
    ggml_tensor * input(ggml_type type, std::initializer_list<int64_t> ne, std::function<void(void *)> fill);

    /// A leaf over persistent device memory: shape ne at `address` within `buffer`.
    ggml_tensor * leaf(ggml_type type, std::initializer_list<int64_t> ne, ggml_backend_buffer_t buffer, void * address);

    /// Makes `t` (a computed node, not a view) write to persistent memory, for a later graph: it is an output, which no backend
    /// leaves out where it fuses nodes.
    void place(ggml_tensor * t, ggml_backend_buffer_t buffer, void * address);

    /// `view`, or a copy of it where it begins at an offset that the device's products can't take.
    ggml_tensor * aligned(ggml_tensor * view);

    /// Gives a new tensor its persistent memory, at a multiple of strictest_alignment.
    void bind(ggml_tensor * t, ggml_backend_buffer_t buffer, void * address);

    /// 0, 1, … n - 1 as I32 [n]; one input however often it is asked for.
    ggml_tensor * row_ids(int64_t n);

    /// A leaf that the host computes at each run because the device can't; `what` names it. Slow: see host_work().
    ggml_tensor * host_input(const std::string & what, ggml_type type, std::initializer_list<int64_t> ne, std::function<void(void *)> fill);

    /// What this graph would not run on its device: operations that the device lacks, and what host_input() was asked for.
    std::vector<std::string> host_work() const;

    /// Adds `t` and all that it needs to the graph; nodes run in the order of these calls.
    void expand(ggml_tensor * t);

    /// Fills the inputs, allocates and runs.
    /// @param meanwhile work of the host while a device computes, such as uploading the next weights
    /// @throws failure: device_out_of_memory, op_unsupported, compute_failed
    void run(const std::function<void()> & meanwhile = {});

    int n_nodes() const;

    /// For who counts: node i, in the order in which they run.
    const ggml_tensor * node(int i) const { return ggml_graph_node(gf_, i); }
    /// Bytes that the host fills at each run.
    size_t input_bytes() const;

    /// What a profile calls a node, and its floating-point operations. Without it, ggml's name of the operation.
    void describe(ggml_tensor * t, const char * name, double flops = 0);

    /// Values that were converted for a product, by what they were made from: q, k and v share one conversion of their input.
    std::unordered_map<const ggml_tensor *, ggml_tensor *> packed;
    /// Rows brought together by expert, by what they were made from and the order (cpu-experts.hpp).
    std::map<std::pair<const ggml_tensor *, const ggml_tensor *>, ggml_tensor *> by_expert;

    /// Keeps an object alive until the graph is gone (user data of custom operations).
    template <typename T> T * own(T value) {
        auto p = std::make_shared<T>(std::move(value));
        owned_.push_back(p);
        return p.get();
    }

  private:
    friend class graph_runner;
    struct filled_input {
        ggml_tensor *               tensor;
        std::function<void(void *)> fill;
    };
    graph_runner &                     runner_;
    const bool                         dry_;
    ggml_context_ptr                   ctx_;
    ggml_cgraph *                      gf_ = nullptr;
    std::vector<filled_input>          inputs_;
    std::map<int64_t, ggml_tensor *>   row_ids_;
    std::vector<std::string>           host_work_;
    std::vector<std::shared_ptr<void>> owned_;
    node_flops                         flops_; // only while profiling
};

} // namespace forja
