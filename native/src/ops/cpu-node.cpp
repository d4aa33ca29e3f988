#include "ops/cpu-node.hpp"

namespace forja::cpu_node {

namespace {

// Our own conversion where ggml's is slow and this CPU has a faster one; null for F32.
cpu::to_float_fn to_float_of(ggml_type type) {
    cpu::to_float_fn fast = nullptr;
    switch (type) {
        case GGML_TYPE_F32: return nullptr;
        case GGML_TYPE_F16: fast = cpu::fast_to_float(cpu::stored_type::f16); break;
        case GGML_TYPE_Q4_0: fast = cpu::fast_to_float(cpu::stored_type::q4_0); break;
        case GGML_TYPE_Q4_1: fast = cpu::fast_to_float(cpu::stored_type::q4_1); break;
        case GGML_TYPE_Q5_0: fast = cpu::fast_to_float(cpu::stored_type::q5_0); break;
        case GGML_TYPE_Q5_1: fast = cpu::fast_to_float(cpu::stored_type::q5_1); break;
        case GGML_TYPE_Q6_K: fast = cpu::fast_to_float(cpu::stored_type::q6_k); break;
        default: break;
    }
    return fast ? fast : ggml_get_type_traits(type)->to_float;
}

} // namespace

cpu::weight_rows rows_of(const ggml_tensor * w, int64_t i) {
    cpu::weight_rows r{};
    r.data       = (const uint8_t *) w->data + i * w->nb[2];
    r.n_in       = w->ne[0];
    r.n_out      = w->ne[1];
    r.row_bytes  = w->nb[1];
    r.block_size = ggml_blck_size(w->type);
    r.to_float   = to_float_of(w->type);
    return r;
}

} // namespace forja::cpu_node
