// The patterns of experts: how a token chooses them, their products, and the weighted sum of what they say.
#include <algorithm>

#include "trace/recognise.hpp"
#include "trace/recogniser.hpp"

namespace forja::trace {

bool recogniser::is_choice(int i) const {
    if (is(i, GGML_OP_ARGSORT)) {
        return at(i).i32(0) == GGML_SORT_ORDER_DESC;
    }
    if (!is(i, GGML_OP_VIEW) || at(i).view_offs != 0 || !is(at(i).view_src, GGML_OP_ARGSORT)) {
        return false;
    }
    const node & sorted = at(at(i).view_src);
    return sorted.i32(0) == GGML_SORT_ORDER_DESC && at(i).nb[1] == sorted.nb[1] && at(i).ne[1] == sorted.ne[1] && at(i).ne[2] == 1;
}

planned recogniser::match_choice(int i) const {
    const int sorted = is(i, GGML_OP_ARGSORT) ? i : at(i).view_src;
    if (!is_choice(i) || at(i).ne[2] != 1) {
        throw unsupported{"it needs the operation " + op_name(at(sorted))};
    }
    planned p;
    p.what.kind  = step_kind::top_k;
    p.what.shape = matrix_shape(i);
    p.needs      = {{src(sorted, 0), matrix_shape(src(sorted, 0))}};
    return p;
}

planned recogniser::match_pick(int i) const {
    const int table = src(i, 0), ids = src(i, 1);
    if (is_weight(strip(table)) || at(table).ne[0] != 1 || at(table).ne[2] != at(ids).ne[1]) {
        throw unsupported{"it looks rows up by numbers that are computed (" + at(i).name + ")"};
    }
    const trace::shape s = shape_of(table);
    planned            p;
    p.what.kind  = step_kind::pick;
    p.what.shape = shape_of(i);
    p.what.shape = {p.what.shape[1], p.what.shape[2], extent{}};
    p.needs      = {{table, {s[1], s[2], extent{}}}, {ids, matrix_shape(ids)}};
    return p;
}

planned recogniser::match_experts(int i) const {
    const int product = is(i, GGML_OP_ADD_ID) ? strip(src(i, 0)) : i;
    const int bias    = is(i, GGML_OP_ADD_ID) ? src(i, 1) : -1;
    if (!is(product, GGML_OP_MUL_MAT_ID) || !is_weight(src(product, 0)) || (bias >= 0 && (!is_weight(bias) || src(i, 2) != src(product, 2)))) {
        throw unsupported{"it needs the operation " + op_name(at(i)) + " (" + at(i).name + ")"};
    }
    const int x = src(product, 1), ids = src(product, 2);
    planned   p;
    p.what.kind   = step_kind::experts;
    p.what.weight = at(src(product, 0)).name;
    p.what.bias   = bias >= 0 ? at(bias).name : "";
    p.what.role   = site_role(p.what.weight, false);
    p.what.shape  = shape_of(product);
    p.needs       = {{x, shape_of(x)}, {ids, matrix_shape(ids)}};
    return p;
}

// Views of one expert's rows each, added one after the other: of products times a weight for each token and expert.
bool recogniser::match_experts_sum(int i, planned & out) {
    std::vector<int> parts;
    int              rest = i;
    for (; is(rest, GGML_OP_ADD); rest = src(rest, 0)) {
        parts.push_back(src(rest, 1));
    }
    parts.push_back(rest);
    std::reverse(parts.begin(), parts.end());
    const int weighted = is(parts[0], GGML_OP_VIEW) ? at(parts[0]).view_src : -1;
    if (!is(weighted, GGML_OP_MUL) || at(weighted).ne[1] != (int64_t) parts.size()) {
        return false;
    }
    const node & all = at(weighted);
    for (size_t j = 0; j < parts.size(); j++) {
        const node & v = at(parts[j]);
        if (!is(parts[j], GGML_OP_VIEW) || v.view_src != weighted || v.view_offs != j * all.nb[1] || v.ne[0] != all.ne[0] || v.ne[1] != all.ne[2] ||
            v.nb[1] != all.nb[2] || v.ne[2] != 1) {
            return false;
        }
    }
    const int products = strip(all.src[0]), weights = all.src[1];
    if (!is(products, GGML_OP_MUL_MAT_ID) && !is(products, GGML_OP_ADD_ID)) {
        return false;
    }
    const trace::shape s = shape_of(weights);
    if (s[0].n != 1 || s[1].n != (int64_t) parts.size() || is_weight(weights)) {
        return false;
    }
    out             = match_experts(products);
    out.what.kind   = step_kind::experts_sum;
    out.what.shape  = shape_of(i);
    out.needs.push_back({weights, {s[1], s[2], extent{}}});
    return true;
}

// The linear layers that a choice follows from, through what lies between.
void recogniser::mark_routers() {
    std::set<int> wanted;
    for (auto s = steps.rbegin(); s != steps.rend(); ++s) {
        const bool asked = std::any_of(s->out.begin(), s->out.end(), [&](int v) { return wanted.count(v) > 0; });
        if (asked && s->kind == step_kind::linear) {
            s->router = true;
            s->role   = "router";
        } else if (asked || s->kind == step_kind::top_k) {
            wanted.insert(s->in.begin(), s->in.end());
        }
    }
}

} // namespace forja::trace
