#include "ops/profile.hpp"

#include <chrono>
#include <vector>

#include "ggml-cpp.h"

namespace forja {

ggml_status compute_profiled(ggml_backend_t backend, ggml_cgraph * gf, const node_flops & flops, profile & into) {
    std::vector<uint8_t> memory(ggml_graph_overhead_custom(8, false) + ggml_tensor_overhead());
    ggml_init_params     params{};
    params.mem_size   = memory.size();
    params.mem_buffer = memory.data();
    params.no_alloc   = true;
    ggml_context_ptr ctx(ggml_init(params));
    ggml_cgraph *    one = ggml_new_graph_custom(ctx.get(), 8, false);
    for (int i = 0; i < ggml_graph_n_nodes(gf); i++) {
        ggml_tensor * node = ggml_graph_node(gf, i);
        if (node->op == GGML_OP_NONE || node->op == GGML_OP_VIEW || node->op == GGML_OP_RESHAPE || node->op == GGML_OP_PERMUTE ||
            node->op == GGML_OP_TRANSPOSE) {
            continue; // nothing to compute
        }
        ggml_graph_clear(one);
        ggml_graph_add_node(one, node);
        const auto        began  = std::chrono::steady_clock::now();
        const ggml_status status = ggml_backend_graph_compute(backend, one);
        if (status != GGML_STATUS_SUCCESS) {
            return status;
        }
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        const auto   known   = flops.find(node);
        into.add(known == flops.end() ? ggml_op_desc(node) : ggml_get_name(node), seconds, known == flops.end() ? 0 : known->second);
    }
    return GGML_STATUS_SUCCESS;
}

} // namespace forja
