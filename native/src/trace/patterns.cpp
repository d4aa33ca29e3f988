// The patterns of recognise(): each takes the last node of one and plans a step.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "trace/recognise.hpp"
#include "trace/recogniser.hpp"

namespace forja::trace {

planned recogniser::match(int i) {
    const node & n = at(i);
    planned      p;
    switch (n.op) {
        case GGML_OP_MUL_MAT: return match_product(i, -1);
        case GGML_OP_ADD: return match_sum(i);
        case GGML_OP_MUL: return match_multiplication(i);
        case GGML_OP_RMS_NORM:
        case GGML_OP_NORM: return match_norm(i, i, -1, -1);
        case GGML_OP_ROPE: return match_rope(i);
        case GGML_OP_FLASH_ATTN_EXT: return match_attention(i);
        case GGML_OP_GLU: return match_gated(i);
        case GGML_OP_UNARY:
        case GGML_OP_SQR: return match_unary(i);
        case GGML_OP_GET_ROWS: return match_rows(i);
        case GGML_OP_MUL_MAT_ID:
        case GGML_OP_ADD_ID: return match_experts(i);
        case GGML_OP_ARGSORT: return match_choice(i);
        case GGML_OP_VIEW: return is_choice(i) ? match_choice(i) : is_delta_output(i) ? match_delta_net(i) : slice(i);
        case GGML_OP_SSM_CONV: return match_conv(i);
        case GGML_OP_L2_NORM:
            p.what.kind = step_kind::l2_norm;
            p.what.eps  = n.f32(0);
            break;
        case GGML_OP_SOFT_MAX:
            if (n.src[1] >= 0 || n.src[2] >= 0) {
                throw unsupported{"a softmax with a mask"};
            }
            p.what.kind   = step_kind::softmax;
            p.what.factor = n.f32(0);
            break;
        case GGML_OP_SUM_ROWS: p.what.kind = step_kind::sum_rows; break;
        case GGML_OP_DIV:
            if (is_weight(n.src[0]) || is_weight(n.src[1]) || (at(n.src[1]).ne[0] != n.ne[0] && at(n.src[1]).ne[0] != 1)) {
                throw unsupported{"a quotient of values of two sizes (" + n.name + ")"};
            }
            p.what.kind  = step_kind::divide;
            p.what.shape = shape_of(i);
            p.needs      = {{n.src[0], p.what.shape}, {n.src[1], shape_of(n.src[1])}};
            return p;
        case GGML_OP_SCALE:
            p.what.kind       = step_kind::scale;
            p.what.factor     = n.f32(0);
            p.what.bias_value = n.f32(1);
            break;
        case GGML_OP_CLAMP:
            p.what.kind  = step_kind::clamp;
            p.what.least = n.f32(0);
            p.what.most  = n.f32(1);
            break;
        default: throw unsupported{"it needs the operation " + op_name(n) + (n.name.empty() ? "" : " (" + n.name + ")")};
    }
    p.what.shape = shape_of(i);
    p.needs      = {{n.src[0], shape_of(n.src[0])}};
    return p;
}

planned recogniser::match_product(int i, int bias) {
    const int w = src(i, 0), x = src(i, 1);
    if (!is_weight(w) || at(w).ne[2] != 1 || at(w).ne[3] != 1) {
        throw unsupported{"it multiplies two computed matrices (" + at(i).name + ")"};
    }
    planned p;
    p.what.kind   = step_kind::linear;
    p.what.weight = at(w).name;
    p.what.bias   = bias >= 0 ? at(bias).name : "";
    p.what.role   = site_role(p.what.weight, fused_gate_up_.count(p.what.weight) > 0);
    p.what.shape  = matrix_shape(i);
    p.needs       = {{x, matrix_shape(x)}};
    return p;
}

planned recogniser::match_sum(int i) {
    const int a = src(i, 0), b = src(i, 1);
    planned   p;
    p.what.shape = shape_of(i);
    if (is_weight(b)) {
        if (is(a, GGML_OP_MUL_MAT) && is_weight(src(a, 0)) && is_vector(b) && at(b).ne[0] == at(a).ne[0]) {
            return match_product(a, b);
        }
        if (is(a, GGML_OP_MUL) && is(src(a, 0), GGML_OP_NORM) && is_vector(src(a, 1)) && is_vector(b) && at(b).ne[0] == at(a).ne[0]) {
            return match_norm(i, src(a, 0), src(a, 1), b);
        }
        p.what.kind   = step_kind::add_weight;
        p.what.weight = at(b).name;
        p.needs       = {{a, shape_of(a)}};
        return p;
    }
    if (match_experts_sum(i, p)) {
        return p;
    }
    if (is_weight(a) || at(a).n_elements() != at(b).n_elements()) {
        throw unsupported{"a sum of values of two sizes (" + at(i).name + ")"};
    }
    p.what.kind = step_kind::add;
    p.needs     = {{a, p.what.shape}, {b, p.what.shape}};
    return p;
}

planned recogniser::match_multiplication(int i) {
    const int a = src(i, 0), b = src(i, 1);
    if (is_weight(b)) {
        if ((is(a, GGML_OP_RMS_NORM) || is(a, GGML_OP_NORM)) && is_vector(b) && at(b).ne[0] == at(a).ne[0]) {
            return match_norm(i, a, b, -1);
        }
        planned p;
        p.what.kind   = step_kind::mul_weight;
        p.what.weight = at(b).name;
        p.what.shape  = shape_of(i);
        p.needs       = {{a, shape_of(a)}};
        return p;
    }
    // One value for each row of the other: the second operand of ggml's.
    const bool one_per_row = !is_weight(a) && at(b).ne[0] == 1 && at(b).n_elements() * at(a).ne[0] == at(a).n_elements();
    if (is_weight(a) || (at(a).n_elements() != at(b).n_elements() && !one_per_row)) {
        throw unsupported{"a product of values of two sizes (" + at(i).name + ")"};
    }
    planned p;
    // silu(x) y is the unit that has a kernel.
    for (const auto & [x, y] : {std::pair{a, b}, std::pair{b, a}}) {
        if (!one_per_row && is(strip(x), GGML_OP_UNARY) && at(strip(x)).i32(0) == GGML_UNARY_OP_SILU && conv_of(strip(x)) < 0) {
            const int gate = src(strip(x), 0);
            p.what.kind  = step_kind::gated;
            p.what.act   = activation::silu;
            p.what.shape = matrix_shape(i);
            p.needs      = {{gate, matrix_shape(gate)}, {y, p.what.shape}};
            if (matrix_shape(gate) == p.what.shape) {
                return p;
            }
        }
    }
    p.what.kind  = step_kind::multiply;
    p.what.shape = shape_of(i);
    p.needs      = {{a, p.what.shape}, {b, one_per_row ? shape_of(b) : p.what.shape}};
    return p;
}

planned recogniser::match_norm(int i, int norm, int weight, int bias) {
    planned p;
    p.what.kind   = at(norm).op == GGML_OP_NORM ? step_kind::layer_norm : step_kind::rms_norm;
    p.what.eps    = at(norm).f32(0);
    p.what.weight = weight >= 0 ? at(weight).name : "";
    p.what.bias   = bias >= 0 ? at(bias).name : "";
    p.what.shape  = shape_of(i);
    p.needs       = {{src(norm, 0), shape_of(src(norm, 0))}};
    return p;
}

planned recogniser::match_rope(int i) const {
    const node & n = at(i);
    const bool multi = n.i32(2) & GGML_ROPE_TYPE_MROPE;
    if (!(multi ? is_counting_thrice(n.src[1]) : is_counting(n.src[1])) || n.i32(15) != 0) {
        throw unsupported{"rotary embedding of other positions than the tokens'"};
    }
    planned p;
    p.what.kind     = step_kind::rope;
    p.what.rotation = {n.i32(1), n.i32(2), n.i32(4), n.f32(5), n.f32(6), n.f32(7), n.f32(8), n.f32(9), n.f32(10), {}};
    if (multi) {
        p.what.rotation.sections = {n.i32(11), n.i32(12), n.i32(13), n.i32(14)};
    }
    if (n.src[2] >= 0) {
        if (!is_weight(n.src[2])) {
            throw unsupported{"rotary factors that are computed"};
        }
        // libllama chooses by the context's length, and captured contexts are short. The same rule by what rows will use:
        p.what.weight = at(n.src[2]).name;
        const std::string kind = "rope_factors_short";
        if (const size_t found = p.what.weight.find(kind); found != std::string::npos && max_seq_len_ > p.what.rotation.n_ctx_orig) {
            p.what.weight.replace(found, kind.size(), "rope_factors_long");
        }
    }
    p.what.shape = shape_of(i);
    p.needs      = {{n.src[0], shape_of(n.src[0])}};
    return p;
}

// The value behind q, k or v: [head_dim, n_heads, T] in memory. `factor` takes up a scale on the way (of q).
int recogniser::attention_operand(int i, int64_t head_dim, int64_t n_heads, float * factor) const {
    for (;;) {
        i = strip(i);
        if (i < 0) {
            throw unsupported{"attention without operands"};
        }
        const node & n = at(i);
        if (n.op == GGML_OP_PERMUTE && n.i32(0) == 0 && n.i32(1) == 2 && n.i32(2) == 1) {
            i = n.src[0];
            continue;
        }
        if (n.op == GGML_OP_SCALE && factor && n.f32(1) == 0.0f) {
            *factor *= n.f32(0);
            i = n.src[0];
            continue;
        }
        if (n.op == GGML_OP_VIEW && n.view_src >= 0 && at(n.view_src).what == node::kind::memory) {
            const size_t es    = ggml_type_size(n.type);
            const auto   write = written_.find(n.view_src);
            if (write == written_.end() || n.view_offs != 0 || n.ne[0] != head_dim || n.ne[1] != n_heads || n.ne[3] != 1 ||
                n.nb[1] != head_dim * es || n.nb[2] != n_heads * head_dim * es) {
                throw unsupported{"keys or values that lie in another way in the cache"};
            }
            i = write->second;
            continue;
        }
        // Rows of heads seen as [head_dim, T, n_heads].
        if (n.op == GGML_OP_VIEW && n.view_offs == 0 && n.n_elements() == at(n.view_src).n_elements() && n.ne[1] == c_.first.n_tokens &&
            n.nb[1] == (size_t) (head_dim * n_heads) * sizeof(float) && n.nb[2] == (size_t) head_dim * sizeof(float)) {
            i = n.view_src;
            continue;
        }
        return i;
    }
}

int recogniser::window_of(int mask) const {
    mask = strip(mask);
    if (mask < 0 || at(mask).what != node::kind::input) {
        throw unsupported{"an attention mask that is computed"};
    }
    const node &  m = c_.second.nodes[mask]; // the longer one
    const int64_t n = c_.second.n_tokens;
    auto          seen = [&](int64_t query, int64_t key) {
        const uint8_t * at = m.bytes.data() + query * m.nb[1] + key * m.nb[0];
        float           x  = 0;
        if (m.type == GGML_TYPE_F16) {
            ggml_fp16_t half;
            std::memcpy(&half, at, sizeof(half));
            x = ggml_fp16_to_fp32(half);
        } else {
            std::memcpy(&x, at, sizeof(x));
        }
        if (x != 0.0f && !std::isinf(x)) {
            throw unsupported{"an attention mask with slopes (ALiBi)"};
        }
        return x == 0.0f;
    };
    if ((m.type != GGML_TYPE_F16 && m.type != GGML_TYPE_F32) || m.ne[1] < n || m.bytes.empty()) {
        throw unsupported{"an attention mask of another kind"};
    }
    int64_t window = 0;
    for (int64_t key = 0; key < m.ne[0]; key++) {
        window += seen(n - 1, key);
    }
    for (int64_t query = 0; query < n; query++) {
        for (int64_t key = 0; key < m.ne[0]; key++) {
            if (seen(query, key) != (key <= query && query - key < window)) {
                throw unsupported{"attention that is neither causal nor a sliding window"};
            }
        }
    }
    if (window == n) {
        return 0;
    }
    if (window != c_.swa_as_seen) {
        throw unsupported{"a sliding window of another size than its metadata say"};
    }
    return c_.n_swa;
}

planned recogniser::match_attention(int i) const {
    const node & n = at(i);
    const node & q = at(n.src[0]);
    const node & k = at(n.src[1]);
    const node & v = at(n.src[2]);
    if (n.src[4] >= 0 && (!is_vector(n.src[4]) || at(n.src[4]).ne[0] != q.ne[2])) {
        throw unsupported{"attention with sinks that are computed"};
    }
    if (n.f32(1) != 0.0f) {
        throw unsupported{"attention with slopes (ALiBi)"};
    }
    if (k.ne[0] != v.ne[0]) {
        throw unsupported{"keys and values of different length"};
    }
    if (q.ne[3] != 1 || n.src[3] < 0) {
        throw unsupported{"attention over several sequences, or without a mask"};
    }
    const int64_t head_dim = q.ne[0], n_head = q.ne[2], n_head_kv = k.ne[2];
    planned       p;
    p.what.kind        = step_kind::attention;
    p.what.weight      = n.src[4] >= 0 ? at(n.src[4]).name : "";
    p.what.how.scale   = n.f32(0);
    p.what.how.softcap = n.f32(2);
    p.what.how.n_swa   = window_of(n.src[3]);
    auto heads = [&](int64_t count) { return trace::shape{extent{head_dim, false}, extent{count, false}, extent{1, true}}; };
    p.needs = {{attention_operand(n.src[0], head_dim, n_head, &p.what.how.scale), heads(n_head)},
               {attention_operand(n.src[1], head_dim, n_head_kv, nullptr), heads(n_head_kv)},
               {attention_operand(n.src[2], head_dim, n_head_kv, nullptr), heads(n_head_kv)}};
    p.what.shape = {extent{head_dim * n_head, false}, extent{1, true}, extent{}};
    return p;
}

planned recogniser::match_gated(int i) {
    const node & n = at(i);
    planned      p;
    p.what.kind = step_kind::gated;
    switch (n.i32(0)) {
        case GGML_GLU_OP_SWIGLU: p.what.act = activation::silu; break;
        case GGML_GLU_OP_GEGLU: p.what.act = activation::gelu_tanh; break;
        case GGML_GLU_OP_REGLU: p.what.act = activation::relu; break;
        case GGML_GLU_OP_GEGLU_ERF: p.what.act = activation::gelu_erf; break;
        case GGML_GLU_OP_GEGLU_QUICK: p.what.act = activation::gelu_quick; break;
        case GGML_GLU_OP_SWIGLU_OAI:
            p.what.act       = activation::silu_oai;
            p.what.constants = {n.f32(2), n.f32(3), 0, 0};
            break;
        default: throw unsupported{"it needs the operation " + op_name(n)};
    }
    p.what.shape = matrix_shape(i);
    if (n.src[1] >= 0) {
        p.needs = {{n.src[0], p.what.shape}, {n.src[1], p.what.shape}};
    } else { // both halves in one value
        const int     both = strip(n.src[0]);
        const int64_t half = n.ne[0];
        const bool    swapped = n.i32(1) != 0;
        if (is(both, GGML_OP_MUL_MAT) && is_weight(src(both, 0))) {
            fused_gate_up_.insert(at(src(both, 0)).name);
        }
        p.needs = {{both, p.what.shape, half, swapped ? half : 0}, {both, p.what.shape, half, swapped ? 0 : half}};
    }
    return p;
}

planned recogniser::match_unary(int i) const {
    const node & n = at(i);
    planned      p;
    if (conv_of(i) >= 0) {
        return match_conv(i);
    }
    p.what.kind = step_kind::unary;
    if (n.op == GGML_OP_SQR) {
        p.what.function = unary_function::sqr;
    } else {
        switch (n.i32(0)) {
            case GGML_UNARY_OP_SILU: p.what.function = unary_function::silu; break;
            case GGML_UNARY_OP_GELU: p.what.function = unary_function::gelu_tanh; break;
            case GGML_UNARY_OP_GELU_ERF: p.what.function = unary_function::gelu_erf; break;
            case GGML_UNARY_OP_GELU_QUICK: p.what.function = unary_function::gelu_quick; break;
            case GGML_UNARY_OP_RELU: p.what.function = unary_function::relu; break;
            case GGML_UNARY_OP_SIGMOID: p.what.function = unary_function::sigmoid; break;
            case GGML_UNARY_OP_TANH: p.what.function = unary_function::tanh; break;
            case GGML_UNARY_OP_SOFTPLUS: p.what.function = unary_function::softplus; break;
            case GGML_UNARY_OP_XIELU:
                p.what.function  = unary_function::xielu;
                p.what.constants = {n.f32(1), n.f32(2), n.f32(3), n.f32(4)};
                break;
            default: throw unsupported{"it needs the operation " + op_name(n)};
        }
    }
    p.what.shape = shape_of(i);
    p.needs      = {{n.src[0], shape_of(n.src[0])}};
    return p;
}

planned recogniser::match_rows(int i) const {
    const int table = src(i, 0);
    if (is_choice(src(i, 1))) {
        return match_pick(i);
    }
    if (!is_weight(table) || !is_counting(src(i, 1))) {
        throw unsupported{"it looks rows up in " + at(table).name};
    }
    planned p;
    p.what.kind        = step_kind::embedding;
    p.what.weight      = at(table).name;
    p.what.by_position = true;
    p.what.shape       = shape_of(i);
    return p;
}

// The embeddings at one end; the output matrix, its bias, factor and soft cap at the other.
void recogniser::match_ends() {
    int i = strip(c_.first.output);
    auto factor_of = [&](int k) { return at(k).f32(0); };
    if (is(i, GGML_OP_SCALE) && is(strip(src(i, 0)), GGML_OP_UNARY) && at(strip(src(i, 0))).i32(0) == GGML_UNARY_OP_TANH) {
        const int tanh = strip(src(i, 0)), inner = strip(src(tanh, 0));
        if (!is(inner, GGML_OP_SCALE) || std::fabs(factor_of(inner) * factor_of(i) - 1) > 1e-5f || at(i).f32(1) != 0 || at(inner).f32(1) != 0) {
            throw unsupported{"logits through another function than a soft cap"};
        }
        ends.final_softcap = factor_of(i);
        i = strip(src(inner, 0));
    }
    if (is(i, GGML_OP_SCALE) && at(i).f32(1) == 0) {
        logit_factor_ = factor_of(i);
        i = strip(src(i, 0));
    }
    if (is(i, GGML_OP_ADD) && is_vector(src(i, 1)) && logit_factor_ == 1) {
        ends.head_bias = at(src(i, 1)).name;
        i = strip(src(i, 0));
    }
    if (!is(i, GGML_OP_MUL_MAT) || !is_weight(src(i, 0))) {
        throw unsupported{"logits that are not the product of a matrix (" + op_name(at(i)) + ")"};
    }
    ends.head    = at(src(i, 0)).name;
    ends.n_embd  = at(src(i, 0)).ne[0];
    ends.n_vocab = at(src(i, 0)).ne[1];
    head_input_  = src(i, 1);

    std::vector<int> users;
    for (int k = 0; k < (int) c_.first.nodes.size(); k++) {
        if (is(k, GGML_OP_GET_ROWS) && is_weight(src(k, 0)) && at(src(k, 0)).name == "token_embd.weight") {
            if (embedded_ >= 0) {
                throw unsupported{"embeddings that are looked up twice"};
            }
            embedded_ = k;
        }
    }
    if (embedded_ < 0) {
        throw unsupported{"it has no token embeddings"};
    }
    ends.embedding = at(src(embedded_, 0)).name;
    // A factor on the embeddings alone goes onto their rows.
    for (int k = 0; k < (int) c_.first.nodes.size(); k++) {
        for (int s = 0; s < GGML_MAX_SRC && at(k).what == node::kind::computed; s++) {
            if (at(k).src[s] == embedded_) {
                users.push_back(k);
            }
        }
    }
    if (users.size() == 1 && is(users[0], GGML_OP_SCALE) && at(users[0]).f32(1) == 0) {
        ends.embedding_scale = factor_of(users[0]);
        embedded_            = users[0];
    }
    values_[embedded_] = 0;
    shapes_[0]         = matrix_shape(embedded_);
}

} // namespace forja::trace
