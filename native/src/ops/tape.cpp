#include "ops/tape.hpp"

#include "ops/cpu-ops.hpp"
#include "ops/ops.hpp"

namespace forja {

var tape::make(ggml_tensor * t, bool requires_grad) {
    vars_.push_back({t, nullptr, requires_grad});
    return &vars_.back();
}

ggml_tensor * tape::keep(ggml_tensor * t, bool exact) {
    using mode = kept_values::mode;
    if (!kept_ || kept_->what == mode::none) {
        return t;
    }
    const ggml_type type   = kept_->bf16 && !exact ? GGML_TYPE_BF16 : t->type;
    const size_t    bytes  = GGML_PAD(ggml_row_size(type, ggml_nelements(t)), 256); // no device asks for a larger alignment
    uint8_t *       address = kept_->address + kept_->bytes;
    kept_->bytes += bytes;
    if (kept_->what == mode::measure) {
        return t;
    }
    if (kept_->what == mode::load) {
        ggml_tensor * loaded = ggml_new_tensor(ctx(), type, GGML_MAX_DIMS, t->ne);
        g.bind(loaded, kept_->buffer, address);
        return type == t->type ? loaded : ggml_cast(ctx(), loaded, t->type);
    }
    if (type != t->type) {
        ggml_tensor * rounded = ggml_cast(ctx(), t, type);
        g.place(rounded, kept_->buffer, address);
        g.expand(rounded);
        return t;
    }
    // What an operation changed in place is a view of the node that owns the memory.
    ggml_tensor * owner = t;
    while (owner->view_src) {
        owner = owner->view_src;
    }
    GGML_ASSERT(ggml_nbytes(owner) == ggml_nbytes(t) && t->view_offs == 0);
    g.place(owner, kept_->buffer, address);
    return t;
}

void tape::accumulate(var v, ggml_tensor * grad, bool is_own) {
    if (v->requires_grad) {
        v->grad_is_own = v->grad || is_own;
        v->grad        = v->grad ? sum_of(g, v->grad, grad) : grad;
    }
}

void tape::backward(var out, ggml_tensor * grad) {
    accumulate(out, grad);
    for (auto op = ops_.rbegin(); op != ops_.rend(); ++op) {
        (*op)();
    }
}

} // namespace forja
