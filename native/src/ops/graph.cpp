#include "ops/graph.hpp"

#include <cstring>

#include "base/error.hpp"

namespace forja {

namespace {
// Enough for a block's forward and backward with hundreds of short sequences; descriptions are small.
constexpr size_t max_nodes = 32768;
} // namespace

graph_runner::graph_runner(std::shared_ptr<device> dev, precision prec) : dev_(std::move(dev)), prec_(prec) {
    galloc_.reset(ggml_gallocr_new(dev_->buffer_type()));
    meta_.resize(ggml_tensor_overhead() * max_nodes * 2 + ggml_graph_overhead_custom(max_nodes, false));
    own_products_ = prec_ == precision::fast && dev_->is_cpu();
}

size_t graph_runner::compute_buffer_bytes() const { return ggml_gallocr_get_buffer_size(galloc_.get(), 0); }

graph::graph(graph_runner & runner) : runner_(runner) {
    ggml_init_params params{};
    params.mem_size   = runner.meta_.size();
    params.mem_buffer = runner.meta_.data();
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
    ggml_backend_tensor_alloc(buffer, t, address);
    return t;
}

void graph::place(ggml_tensor * t, ggml_backend_buffer_t buffer, void * address) {
    GGML_ASSERT(t->view_src == nullptr && t->op != GGML_OP_NONE);
    ggml_backend_tensor_alloc(buffer, t, address);
}

void graph::expand(ggml_tensor * t) { ggml_build_forward_expand(gf_, t); }

int graph::n_nodes() const { return ggml_graph_n_nodes(gf_); }

void graph::run() {
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
        }
    }
    if (!ggml_gallocr_alloc_graph(runner_.galloc_.get(), gf_)) {
        throw failure("device_out_of_memory", "There is not enough memory on " + dev.name() + " for this step",
                      "Lower max_seq_len or micro_batch_size, or choose a smaller model.", {{"device", dev.name()}});
    }
    std::vector<uint8_t> staging;
    for (const host_input & in : inputs_) {
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
    const ggml_status status = ggml_backend_graph_compute(dev.backend(), gf_);
    if (status != GGML_STATUS_SUCCESS) {
        throw failure(status == GGML_STATUS_ALLOC_FAILED ? "device_out_of_memory" : "compute_failed",
                      "The computation failed on " + dev.name() + ": " + ggml_status_to_string(status),
                      "Lower max_seq_len or micro_batch_size, or train on the CPU.", {{"device", dev.name()}});
    }
}

} // namespace forja
