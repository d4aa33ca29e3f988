#include "ops/graph.hpp"

#include <cstring>
#include <numeric>

#include "base/error.hpp"
#include "ops/backend-rules.hpp"
#include "ops/cpu/kernels.hpp"

namespace forja {

namespace {
// Nodes of a block's forward and backward, and of attention in each tile, views included; descriptions are small.
constexpr size_t base_nodes = 32768, nodes_per_tile = 96;
} // namespace

// Whether ggml multiplies weights of this type faster than our F32 kernels: those that it multiplies as whole numbers by tables,
// and whose conversion to floats is slow. Measured with its builds for AVX2 and for AVX-512 without BF16: IQ3_S, IQ4_XS and TQ2_0 are
// (by 1.2 to 2.4 times), other types are as fast here or faster (0.96 to 2.7 times ggml's speed).
static bool ggml_is_faster(ggml_type weights) {
    switch (weights) {
        case GGML_TYPE_IQ1_S: case GGML_TYPE_IQ1_M: case GGML_TYPE_IQ2_XXS: case GGML_TYPE_IQ2_XS: case GGML_TYPE_IQ2_S:
        case GGML_TYPE_IQ3_XXS: case GGML_TYPE_IQ3_S: case GGML_TYPE_IQ4_XS: case GGML_TYPE_TQ1_0: case GGML_TYPE_TQ2_0: return true;
        default: return false;
    }
}

graph_runner::graph_runner(std::shared_ptr<device> dev, precision prec, ggml_type weights) : dev_(std::move(dev)), prec_(prec) {
    galloc_.reset(ggml_gallocr_new(dev_->buffer_type()));
    own_products_ = prec_ == precision::fast && dev_->is_cpu();
    const bool bf16 = cpu::fastest_product() == cpu::product_type::bf16;
    own_forward_    = own_products_ && (bf16 || (cpu::current_isa() != cpu::isa::baseline && !ggml_is_faster(weights)));
}

size_t graph_runner::compute_buffer_bytes() const { return ggml_gallocr_get_buffer_size(galloc_.get(), 0); }

size_t graph_runner::measure(graph & g) const {
    ggml_gallocr_ptr scratch(ggml_gallocr_new(dev_->buffer_type())); // measuring spoils an allocator for its next graph
    size_t           bytes = 0;
    ggml_gallocr_reserve_n_size(scratch.get(), g.gf_, nullptr, nullptr, &bytes);
    return bytes;
}

bool graph_runner::reserve(graph & g) { return ggml_gallocr_reserve(galloc_.get(), g.gf_); }

graph::graph(graph_runner & runner, bool dry, int64_t n_tiles) : runner_(runner), dry_(dry) {
    const size_t max_nodes = base_nodes + nodes_per_tile * (size_t) n_tiles;
    const size_t meta      = ggml_tensor_overhead() * max_nodes * 2 + ggml_graph_overhead_custom(max_nodes, false);
    if (runner.meta_bytes_ < meta) {
        runner.meta_.reset(new uint8_t[meta]);
        runner.meta_bytes_ = meta;
    }
    ggml_init_params params{};
    params.mem_size   = runner.meta_bytes_;
    params.mem_buffer = runner.meta_.get();
    params.no_alloc   = true;
    ctx_.reset(ggml_init(params));
    gf_ = ggml_new_graph_custom(ctx_.get(), max_nodes, false);
}

ggml_tensor * graph::input(ggml_type type, std::initializer_list<int64_t> ne, std::function<void(void *)> fill) {
    ggml_tensor * t = ggml_new_tensor(ctx_.get(), type, (int) ne.size(), ne.begin());
    ggml_set_input(t); // allocated before all else and not reused while the graph runs
    inputs_.push_back({t, std::move(fill)});
    return t;
}

ggml_tensor * graph::leaf(ggml_type type, std::initializer_list<int64_t> ne, ggml_backend_buffer_t buffer, void * address) {
    ggml_tensor * t = ggml_new_tensor(ctx_.get(), type, (int) ne.size(), ne.begin());
    bind(t, buffer, address);
    return t;
}

void graph::bind(ggml_tensor * t, ggml_backend_buffer_t buffer, void * address) {
    if (dry_) {
        t->data = (void *) 256; // any address: the allocator passes over tensors that have one
    } else {
        GGML_ASSERT(((uint8_t *) address - (uint8_t *) ggml_backend_buffer_get_base(buffer)) % strictest_alignment == 0);
        ggml_backend_tensor_alloc(buffer, t, address);
    }
}

ggml_tensor * graph::aligned(ggml_tensor * view) {
    return on_cpu() || misalignment(view, runner_.dev().alignment()) == 0 ? view : ggml_cont(ctx_.get(), view);
}

ggml_tensor * graph::row_ids(int64_t n) {
    ggml_tensor *& ids = row_ids_[n];
    if (!ids) {
        ids = input(GGML_TYPE_I32, {n}, [n](void * dst) { std::iota((int32_t *) dst, (int32_t *) dst + n, 0); });
    }
    return ids;
}

ggml_tensor * graph::host_input(const std::string & what, ggml_type type, std::initializer_list<int64_t> ne, std::function<void(void *)> fill) {
    host_work_.push_back(what);
    return input(type, ne, std::move(fill));
}

std::vector<std::string> graph::host_work() const {
    std::vector<std::string> out = host_work_;
    for (int i = 0; i < ggml_graph_n_nodes(gf_); i++) {
        const ggml_tensor * node = ggml_graph_node(gf_, i);
        if (node->op != GGML_OP_NONE && !runner_.dev().supports(node)) {
            std::string text = ggml_op_desc(node);
            for (int s = 0; s < GGML_MAX_SRC && node->src[s]; s++) {
                text += std::string(s ? ", " : " ") + ggml_type_name(node->src[s]->type);
            }
            out.push_back(text);
        }
        if (runner_.dev().is_emulated()) {
            for (const std::string & what : misaligned_operands(node)) {
                out.push_back(what);
            }
        }
    }
    return out;
}

void graph::place(ggml_tensor * t, ggml_backend_buffer_t buffer, void * address) {
    GGML_ASSERT(t->view_src == nullptr && t->op != GGML_OP_NONE);
    ggml_set_output(t);
    bind(t, buffer, address);
}

void graph::expand(ggml_tensor * t) { ggml_build_forward_expand(gf_, t); }

int graph::n_nodes() const { return ggml_graph_n_nodes(gf_); }

size_t graph::input_bytes() const {
    size_t bytes = 0;
    for (const filled_input & in : inputs_) {
        bytes += ggml_nbytes(in.tensor);
    }
    return bytes;
}

void graph::describe(ggml_tensor * t, const char * name, double flops) {
    if (runner_.profile_) {
        ggml_set_name(t, name);
        flops_[t] = flops;
    }
}

void graph::run(const std::function<void()> & meanwhile) {
    device & dev = runner_.dev();
    if (!dev.is_cpu()) {
        for (int i = 0; i < ggml_graph_n_nodes(gf_); i++) {
            ggml_tensor * node = ggml_graph_node(gf_, i);
            if (node->op != GGML_OP_NONE && !dev.supports(node)) {
                const ggml_tensor * a = node->src[0];
                throw failure("op_unsupported", dev.name() + " can't run the operation " + ggml_op_desc(node) +
                                  (a ? std::string(" on ") + ggml_type_name(a->type) : std::string()),
                              "Train on the CPU, or choose a base of another quantisation.",
                              {{"device", dev.name()}, {"op", ggml_op_desc(node)}});
            }
            for (const std::string & what : dev.is_emulated() ? misaligned_operands(node) : std::vector<std::string>()) {
                throw failure("internal", what);
            }
        }
    }
    if (!ggml_gallocr_alloc_graph(runner_.galloc_.get(), gf_)) {
        throw failure("device_out_of_memory", "There is not enough memory on " + dev.name() + " for this step",
                      "Lower max_seq_len or micro_batch_size, or choose a smaller model.", {{"device", dev.name()}});
    }
    std::vector<uint8_t> staging;
    for (const filled_input & in : inputs_) {
        if (!in.tensor->buffer) {
            continue; // nothing in the graph uses it
        }
        if (ggml_backend_buffer_is_host(in.tensor->buffer)) {
            in.fill(in.tensor->data);
        } else {
            staging.resize(ggml_nbytes(in.tensor));
            in.fill(staging.data());
            ggml_backend_tensor_set(in.tensor, staging.data(), 0, staging.size());
        }
    }
    if (dev.is_cpu()) { // here and not once, since runners of either kind may share the device
        dev.use_ggml_threads(runner_.own_forward_ ? 1 : dev.threads());
    }
    const bool emulated = dev.is_emulated();
    if (emulated && meanwhile) { // as for a device that is slow to begin: what it is about to read must not change
        meanwhile();
    }
    ggml_status status = runner_.profile_ ? compute_profiled(dev.backend(), gf_, flops_, *runner_.profile_)
                                          : ggml_backend_graph_compute_async(dev.backend(), gf_);
    if (status == GGML_STATUS_SUCCESS && meanwhile && !emulated) {
        meanwhile();
    }
    ggml_backend_synchronize(dev.backend());
    if (emulated) {
        drop_unpromised_values(gf_);
    }
    if (status != GGML_STATUS_SUCCESS) {
        throw failure(status == GGML_STATUS_ALLOC_FAILED ? failure_code("device_out_of_memory") : failure_code("compute_failed"),
                      "The computation failed on " + dev.name() + ": " + ggml_status_to_string(status),
                      "Lower max_seq_len or micro_batch_size, or train on the CPU.", {{"device", dev.name()}});
    }
}

} // namespace forja
