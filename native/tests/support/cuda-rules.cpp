#include "support/cuda-rules.hpp"

namespace forja::test {

namespace {

bool is_float(ggml_type t) { return t == GGML_TYPE_F32 || t == GGML_TYPE_F16 || t == GGML_TYPE_BF16; }

// Types with a product of their own or a conversion before cuBLAS.
bool has_product(ggml_type t) {
    switch (t) {
        case GGML_TYPE_TQ1_0:
        case GGML_TYPE_TQ2_0: return false;
        default: return true; // of the types that a model file can have
    }
}

bool get_rows(const ggml_tensor * op) {
    const ggml_tensor * src = op->src[0];
    switch (src->type) {
        case GGML_TYPE_TQ1_0:
        case GGML_TYPE_TQ2_0:
        case GGML_TYPE_NVFP4: return false;
        case GGML_TYPE_IQ4_NL:
        case GGML_TYPE_MXFP4: return src->ne[0] % 256 == 0;
        default: return true;
    }
}

bool copy(ggml_type from, ggml_type to, bool contiguous) {
    if ((is_float(from) && is_float(to)) || (from == to && contiguous)) {
        return true;
    }
    switch (from) {
        case GGML_TYPE_Q8_0:
        case GGML_TYPE_Q4_0:
        case GGML_TYPE_Q4_1:
        case GGML_TYPE_Q5_0:
        case GGML_TYPE_Q5_1: return to == GGML_TYPE_F32;
        default: return false;
    }
}

} // namespace

bool cuda_supports(const ggml_tensor * op) {
    const ggml_tensor * a = op->src[0];
    const ggml_tensor * b = op->src[1];
    switch (op->op) {
        case GGML_OP_RESHAPE:
        case GGML_OP_VIEW:
        case GGML_OP_PERMUTE:
        case GGML_OP_TRANSPOSE:
        case GGML_OP_CONT:
        case GGML_OP_SQRT:
        case GGML_OP_OPT_STEP_ADAMW: return true;
        case GGML_OP_SQR:
        case GGML_OP_SCALE:
        case GGML_OP_SOFT_MAX:
        case GGML_OP_SUM_ROWS: return ggml_is_contiguous(a);
        case GGML_OP_UNARY: {
            const ggml_unary_op u = ggml_get_unary_op(op);
            return (u == GGML_UNARY_OP_SILU || u == GGML_UNARY_OP_SIGMOID || u == GGML_UNARY_OP_TANH) && ggml_is_contiguous(a);
        }
        case GGML_OP_ADD:
        case GGML_OP_SUB:
        case GGML_OP_MUL:
        case GGML_OP_DIV: return a->type == GGML_TYPE_F32 && b->type == GGML_TYPE_F32;
        case GGML_OP_RMS_NORM: return ggml_is_contiguous_rows(a);
        case GGML_OP_RMS_NORM_BACK: return ggml_is_contiguous(a);
        case GGML_OP_SILU_BACK: return ggml_is_contiguous(a) && a->type == GGML_TYPE_F32;
        case GGML_OP_GLU: return ggml_get_glu_op(op) == GGML_GLU_OP_SWIGLU && ggml_is_contiguous_1(a);
        case GGML_OP_OUT_PROD:
            return op->type == GGML_TYPE_F32 && a->type == GGML_TYPE_F32 && b->type == GGML_TYPE_F32 && (b->nb[0] == 4 || b->nb[1] == 4);
        case GGML_OP_ROPE: return a->nb[0] == ggml_type_size(a->type) && ggml_is_contiguous_2(a);
        case GGML_OP_CONCAT: return a->type == b->type && !ggml_is_quantized(a->type);
        case GGML_OP_MUL_MAT:
            return a->nb[0] == ggml_type_size(a->type) && b->nb[0] == ggml_type_size(b->type) && b->type == GGML_TYPE_F32 && has_product(a->type);
        case GGML_OP_GET_ROWS: return get_rows(op);
        case GGML_OP_SET_ROWS: return op->type == GGML_TYPE_F32 && a->type == GGML_TYPE_F32 && (b->type == GGML_TYPE_I64 || b->type == GGML_TYPE_I32);
        case GGML_OP_CPY: return copy(a->type, b->type, ggml_is_contiguous(a) && ggml_is_contiguous(b));
        default: return false;
    }
}

} // namespace forja::test
