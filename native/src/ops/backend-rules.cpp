#include "ops/backend-rules.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <unordered_set>

namespace forja {

namespace {

// ggml-vulkan's shaders for these add the rest of an operand's offset to their indices; all others are bound where an operand begins.
// Of a rotation only x and the result are so: its positions and factors would be read from beside.
bool takes_any_offset(ggml_op op, int operand) {
    switch (op) {
        case GGML_OP_ADD:
        case GGML_OP_SUB:
        case GGML_OP_MUL:
        case GGML_OP_DIV:
        case GGML_OP_CONCAT:
        case GGML_OP_CPY:
        case GGML_OP_CONT:
        case GGML_OP_DUP:
        case GGML_OP_SCALE:
        case GGML_OP_SQR:
        case GGML_OP_SQRT:
        case GGML_OP_UNARY:
        case GGML_OP_GLU:
        case GGML_OP_SUM_ROWS:
        case GGML_OP_SET_ROWS: return true;
        case GGML_OP_ROPE: return operand <= 0;
        default: return false;
    }
}

bool computes(const ggml_tensor * node) {
    switch (node->op) {
        case GGML_OP_NONE:
        case GGML_OP_RESHAPE:
        case GGML_OP_VIEW:
        case GGML_OP_PERMUTE:
        case GGML_OP_TRANSPOSE: return false;
        default: return true;
    }
}

struct range {
    uint8_t *first, *end;
};

range range_of(const ggml_tensor * t) { return {(uint8_t *) t->data, (uint8_t *) t->data + ggml_nbytes(t)}; }

// Ascending, without overlaps.
std::vector<range> united(std::vector<range> all) {
    std::sort(all.begin(), all.end(), [](const range & a, const range & b) { return a.first < b.first; });
    std::vector<range> out;
    for (const range & r : all) {
        if (!out.empty() && r.first <= out.back().end) {
            out.back().end = std::max(out.back().end, r.end);
        } else {
            out.push_back(r);
        }
    }
    return out;
}

// All of `r` that lies in none of `kept`.
void overwrite(range r, const std::vector<range> & kept) {
    auto next = std::lower_bound(kept.begin(), kept.end(), r.first, [](const range & k, const uint8_t * at) { return k.end <= at; });
    for (uint8_t * at = r.first; at < r.end;) {
        uint8_t * until = next != kept.end() ? std::max(at, std::min(r.end, next->first)) : r.end;
        std::memset(at, 0xff, until - at); // a NaN in every type of floats
        at = next != kept.end() ? std::max(until, next->end) : r.end;
        next += next != kept.end();
    }
}

} // namespace

size_t misalignment(const ggml_tensor * t, size_t alignment) { return t->view_src ? t->view_offs % alignment : 0; }

std::vector<std::string> misaligned_operands(const ggml_tensor * node) {
    std::vector<std::string> out;
    if (!computes(node)) {
        return out;
    }
    auto look = [&](const ggml_tensor * t, int operand, const std::string & what) {
        const size_t beside = misalignment(t, strictest_alignment);
        const bool   fits   = takes_any_offset(node->op, operand) ? beside % ggml_type_size(t->type) == 0 : beside == 0;
        if (!fits) {
            out.push_back(std::string(ggml_op_desc(node)) + ": its " + what + " begins " + std::to_string(beside) + " bytes beside a multiple of " +
                          std::to_string(strictest_alignment));
        }
    };
    for (int s = 0; s < GGML_MAX_SRC; s++) {
        if (node->src[s]) {
            look(node->src[s], s, "operand " + std::to_string(s));
        }
    }
    look(node, -1, "result");
    return out;
}

void drop_unpromised_values(ggml_cgraph * gf) {
    std::unordered_set<const ggml_tensor *> used;
    std::vector<range>                      kept;
    auto keep = [&](const ggml_tensor * t) {
        if (t->data) {
            kept.push_back(range_of(t));
        }
    };
    const int n = ggml_graph_n_nodes(gf);
    for (int i = 0; i < n; i++) {
        const ggml_tensor * node = ggml_graph_node(gf, i);
        for (const ggml_tensor * src : node->src) {
            if (src && src != node) { // a cast has itself for its target
                used.insert(src);
                if (src->op == GGML_OP_NONE) {
                    keep(src);
                }
            }
        }
    }
    for (int i = 0; i < n; i++) {
        const ggml_tensor * node = ggml_graph_node(gf, i);
        if ((node->flags & GGML_TENSOR_FLAG_OUTPUT) || node->op == GGML_OP_NONE || (computes(node) && !used.count(node))) {
            keep(node);
        }
    }
    kept = united(std::move(kept));
    for (int i = 0; i < n; i++) {
        const ggml_tensor * node = ggml_graph_node(gf, i);
        if (computes(node) && !node->view_src) {
            overwrite(range_of(node), kept);
        }
    }
}

} // namespace forja
