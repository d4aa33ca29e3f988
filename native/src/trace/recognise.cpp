#include "trace/recognise.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "trace/recogniser.hpp"

namespace forja::trace {

std::string site_role(const std::string & weight, bool fused_gate_up) {
    std::string stem = weight;
    if (stem.rfind("blk.", 0) == 0) {
        stem = stem.substr(stem.find('.', 4) + 1);
    }
    if (const size_t end = stem.rfind(".weight"); end != std::string::npos) {
        stem.resize(end);
    }
    static const std::map<std::string, std::string> known{
        {"attn_q", "q"}, {"attn_k", "k"}, {"attn_v", "v"}, {"attn_qkv", "q,k,v"}, {"attn_output", "o"},
        {"ssm_out", "o"}, {"shortconv.out_proj", "o"}, // of what stands in attention's place
        {"ffn_gate", "gate"}, {"ffn_up", "up"}, {"ffn_down", "down"},
        {"ffn_gate_shexp", "gate"}, {"ffn_up_shexp", "up"}, {"ffn_down_shexp", "down"}, // of the expert that every token takes
        {"ffn_gate_exps", "experts.gate"}, {"ffn_up_exps", "experts.up"}, {"ffn_down_exps", "experts.down"}, {"ffn_gate_up_exps", "experts.gate,experts.up"},
    };
    if (fused_gate_up) {
        return "gate,up";
    }
    const auto found = known.find(stem);
    return found == known.end() ? stem : found->second;
}

program recognise(const capture & c, const gguf_file & file, int max_seq_len) {
    recogniser r(c, file, max_seq_len);
    try {
        r.run();
        program out = r.ends;
        cut_blocks(r, out);
        return out;
    } catch (const unsupported & u) {
        const std::string arch = file.str("general.architecture").value_or("");
        throw error("architecture_unsupported", file.path() + ": the architecture '" + arch + "' can't be trained yet: " + u.what,
                    "Choose a model of another architecture.", {{"path", file.path()}, {"architecture", arch}, {"reason", u.what}});
    }
}

// --- The graph's two lengths ---

recogniser::recogniser(const capture & c, const gguf_file & file, int max_seq_len) : c_(c), file_(file), max_seq_len_(max_seq_len) {
    require_same_structure();
    shapes_.push_back({}); // of the embeddings, known when they are met
}

void recogniser::require_same_structure() const {
    if (c_.first.nodes.size() != c_.second.nodes.size() || c_.first.output != c_.second.output) {
        throw unsupported{"its graph depends on the number of tokens"};
    }
    for (size_t i = 0; i < c_.first.nodes.size(); i++) {
        const node & a = c_.first.nodes[i];
        const node & b = c_.second.nodes[i];
        if (a.op != b.op || a.what != b.what || !std::equal(std::begin(a.src), std::end(a.src), std::begin(b.src))) {
            throw unsupported{"its graph depends on the number of tokens"};
        }
    }
}

extent recogniser::extent_of(int i, int dim) const {
    const int64_t a = c_.first.nodes[i].ne[dim], b = c_.second.nodes[i].ne[dim];
    if (a == b) {
        return {a, false};
    }
    const int64_t n = a / c_.first.n_tokens;
    if (n * c_.first.n_tokens != a || n * c_.second.n_tokens != b) {
        throw unsupported{op_name(at(i)) + " with a size that is no multiple of the number of tokens"};
    }
    return {n, true};
}

trace::shape recogniser::shape_of(int i) const {
    if (at(i).ne[3] != 1 || c_.second.nodes[i].ne[3] != 1) {
        throw unsupported{op_name(at(i)) + " of four dimensions"};
    }
    return {extent_of(i, 0), extent_of(i, 1), extent_of(i, 2)};
}

trace::shape recogniser::matrix_shape(int i) const {
    const trace::shape s = shape_of(i);
    return {s[0], extent{s[1].n * s[2].n, s[1].per_token || s[2].per_token}, extent{}};
}

// --- Layouts ---

bool recogniser::is_all_tokens(int i) const {
    if (!is(i, GGML_OP_GET_ROWS) || is_weight(strip(src(i, 0))) || at(src(i, 0)).what != node::kind::computed) {
        return false;
    }
    return is_counting(src(i, 1)) && at(i).ne[1] == at(src(i, 0)).ne[1] && at(i).ne[0] == at(src(i, 0)).ne[0];
}

bool recogniser::is_counting(int i) const {
    while (i >= 0 && at(i).what == node::kind::computed && (at(i).op == GGML_OP_VIEW || at(i).op == GGML_OP_RESHAPE)) {
        i = at(i).src[0];
    }
    if (i < 0 || at(i).what != node::kind::input || at(i).type != GGML_TYPE_I32 || at(i).bytes.size() != (size_t) c_.first.n_tokens * 4) {
        return false;
    }
    const auto * values = (const int32_t *) at(i).bytes.data();
    for (int k = 0; k < c_.first.n_tokens; k++) {
        if (values[k] != k) {
            return false;
        }
    }
    return true;
}

bool recogniser::is_counting_thrice(int i) const {
    const int n = c_.first.n_tokens;
    if (i < 0 || at(i).what != node::kind::input || at(i).type != GGML_TYPE_I32 || at(i).bytes.size() != (size_t) n * 4 * sizeof(int32_t)) {
        return false;
    }
    const auto * values = (const int32_t *) at(i).bytes.data();
    for (int k = 0; k < 4 * n; k++) {
        if (values[k] != (k < 3 * n ? k % n : 0)) {
            return false;
        }
    }
    return true;
}

// The same values in the same order, all of them.
bool recogniser::keeps_order(int i) const {
    if (is(i, GGML_OP_RESHAPE)) {
        return at(i).view_src < 0 || at(at(i).view_src).what == node::kind::computed;
    }
    if (is(i, GGML_OP_CONT) || is(i, GGML_OP_CPY) || is(i, GGML_OP_DUP)) {
        return at(i).type == GGML_TYPE_F32 || at(i).type == GGML_TYPE_F16; // F16 only on the way into attention
    }
    if (!is(i, GGML_OP_VIEW)) {
        return is_all_tokens(i);
    }
    const node & v = at(i);
    if (v.view_src >= 0 && at(v.view_src).what != node::kind::computed) {
        return false; // a cache: what it holds is what was written
    }
    if (v.n_elements() != at(v.src[0]).n_elements() || v.view_src < 0 || v.n_elements() != at(v.view_src).n_elements()) {
        return false;
    }
    size_t n = ggml_type_size(v.type);
    for (int d = 0; d < GGML_MAX_DIMS; d++) {
        if (v.ne[d] > 1 && v.nb[d] != n) {
            return false;
        }
        n *= v.ne[d];
    }
    return true;
}

int recogniser::strip(int i) const {
    while (i >= 0 && at(i).what == node::kind::computed && keeps_order(i)) {
        i = at(i).src[0];
    }
    return i;
}

bool recogniser::is_slice(int i) const { return is(i, GGML_OP_VIEW) && !keeps_order(i) && !is_choice(i) && !is_delta_output(i); }

int64_t recogniser::floats_per_token(int i) const { return at(i).n_elements() / c_.first.n_tokens; }

// A view of some of each token's values.
planned recogniser::slice(int i) const {
    const node & v    = at(i);
    const int    base = strip(v.view_src);
    if (v.type != GGML_TYPE_F32 || base < 0 || at(base).what != node::kind::computed) {
        throw unsupported{"a view of " + (base < 0 ? std::string("nothing") : at(base).name)};
    }
    const trace::shape s         = shape_of(i);
    const int64_t      per_token = floats_per_token(base);
    const int          tokens    = s[2].per_token ? 2 : 1;
    if (!s[tokens].per_token || s[tokens].n != 1 || (tokens == 1 && s[2].n != 1) || s[0].per_token || (tokens == 2 && s[1].per_token) ||
        v.nb[0] != sizeof(float) || v.nb[tokens] != per_token * sizeof(float) || v.view_offs != c_.second.nodes[i].view_offs ||
        (int64_t) (v.view_offs / sizeof(float)) >= per_token) {
        throw unsupported{"a view that is no part of each token's values (" + v.name + ")"};
    }
    planned out;
    out.what.kind    = step_kind::slice;
    out.what.shape   = s;
    out.what.offset  = (int64_t) (v.view_offs / sizeof(float));
    out.what.stride1 = (int64_t) (v.nb[1] / sizeof(float));
    out.what.stride2 = per_token;
    if (tokens == 1) {
        out.what.stride1 = per_token;
        out.what.stride2 = 0;
    }
    out.needs = {{base, {extent{per_token, false}, extent{1, true}, extent{}}}};
    return out;
}

// Slices that lie one behind the other and make up all of a value are cut in one go, which is cheaper on the way back.
void recogniser::find_splits() {
    std::unordered_map<int, std::set<piece>> all;
    std::set<int>                            odd;
    for (int i = 0; i < (int) c_.first.nodes.size(); i++) {
        const node & n = at(i);
        if (is_slice(i) && strip(n.view_src) >= 0 && at(strip(n.view_src)).what == node::kind::computed && n.type == GGML_TYPE_F32) {
            const int base = strip(n.view_src);
            try {
                const planned p = slice(i);
                const trace::shape & s = p.what.shape;
                const bool dense = !s[2].per_token || p.what.stride1 == s[0].n;
                if (dense) {
                    all[base].insert({p.what.offset, s[2].per_token ? s[0].n * s[1].n : s[0].n});
                } else {
                    odd.insert(base);
                }
            } catch (const unsupported &) {
                odd.insert(base); // told of when the value is needed
            }
        } else if (is(i, GGML_OP_GLU) && n.src[1] < 0) {
            all[strip(n.src[0])].insert({0, n.ne[0]});
            all[strip(n.src[0])].insert({n.ne[0], n.ne[0]});
        }
    }
    for (auto & [base, pieces] : all) {
        int64_t end = 0;
        bool    whole = !odd.count(base) && pieces.size() > 1;
        for (const piece & p : pieces) {
            whole = whole && p.at == end;
            end   = p.at + p.n;
        }
        if (whole && end == floats_per_token(base)) {
            pieces_[base] = pieces;
        }
    }
}

// --- Emitting ---

int recogniser::add_value(const trace::shape & s) {
    shapes_.push_back(s);
    return n_values++;
}

static std::string text_of(const trace::shape & s) {
    std::string out;
    for (const extent & e : s) {
        out += std::to_string(e.n) + (e.per_token ? "T " : " ");
    }
    return out;
}

int recogniser::as(int value, const trace::shape & s) {
    if (shapes_[value] == s) {
        return value;
    }
    int64_t n[2] = {1, 1}, tokens[2] = {0, 0};
    for (int d = 0; d < 3; d++) {
        n[0] *= shapes_[value][d].n;
        n[1] *= s[d].n;
        tokens[0] += shapes_[value][d].per_token;
        tokens[1] += s[d].per_token;
    }
    if (n[0] != n[1] || tokens[0] != tokens[1]) {
        throw unsupported{"a value of shape " + text_of(shapes_[value]) + "used as " + text_of(s)};
    }
    int & known = reshaped_[{value, text_of(s)}];
    if (known == 0) {
        step r;
        r.kind  = step_kind::reshape;
        r.shape = s;
        r.in    = {value};
        known   = add_value(s);
        r.out   = {known};
        steps.push_back(r);
    }
    return known;
}

int recogniser::value_of(const need & n) {
    const int i = strip(n.node);
    if (n.slice_of > 0 || is_slice(i)) {
        int64_t begin = n.slice_at;
        int     base  = i;
        if (n.slice_of == 0) {
            const planned p = slice(i);
            base            = p.needs[0].node;
            begin           = p.what.offset;
        }
        if (pieces_.count(base)) {
            const auto key = std::make_pair(base, begin);
            if (!piece_value_.count(key)) {
                step s;
                s.kind = step_kind::split;
                s.in   = {as(values_.at(base), {extent{floats_per_token(base), false}, extent{1, true}, extent{}})};
                for (const piece & p : pieces_.at(base)) {
                    s.sizes.push_back(p.n);
                    s.out.push_back(add_value({extent{p.n, false}, extent{1, true}, extent{}}));
                    piece_value_[{base, p.at}] = s.out.back();
                }
                s.shape = shapes_[s.out[0]];
                steps.push_back(s);
            }
            return as(piece_value_.at(key), n.as);
        }
        if (n.slice_of > 0) {
            throw unsupported{"a gated unit over parts of " + at(base).name};
        }
    }
    return as(values_.at(i), n.as);
}

// Node i and all that it needs, depth first without recursion: graphs are thousands of nodes deep.
void recogniser::emit(int root) {
    std::vector<std::pair<int, bool>>    stack{{strip(root), false}}; // node, operands are there
    std::unordered_map<int, planned>     plans;
    while (!stack.empty()) {
        auto [i, ready] = stack.back();
        if (values_.count(i)) {
            stack.pop_back();
            continue;
        }
        if (i < 0 || at(i).what != node::kind::computed) {
            throw unsupported{i < 0 ? std::string("an operation without operands") : "the input " + at(i).name + " among its values"};
        }
        if (!ready) {
            stack.back().second = true;
            if (is_slice(i)) {
                const planned p = slice(i);
                if (pieces_.count(p.needs[0].node)) { // cut when it is used
                    stack.back() = {p.needs[0].node, false};
                    continue;
                }
            }
            const planned & p = plans[i] = match(i);
            for (auto n = p.needs.rbegin(); n != p.needs.rend(); ++n) {
                stack.push_back({strip(n->node), false});
            }
            continue;
        }
        planned p = std::move(plans.at(i));
        for (const need & n : p.needs) {
            p.what.in.push_back(value_of(n));
        }
        p.what.out = {add_value(p.what.shape)};
        values_[i] = p.what.out[0];
        steps.push_back(std::move(p.what));
        stack.pop_back();
    }
}

void recogniser::run() {
    for (int i = 0; i < (int) c_.first.nodes.size(); i++) {
        if (is(i, GGML_OP_SET_ROWS)) { // into a cache: [rows of the cache, the rows' numbers, the cache itself]
            int memory = at(i).view_src;
            if (memory >= 0 && at(memory).what == node::kind::memory) {
                written_[memory] = at(i).src[0];
            }
        }
    }
    match_ends();
    find_splits();
    emit(head_input_);
    output = value_of({head_input_, matrix_shape(head_input_)});
    if (logit_factor_ != 1) {
        step s;
        s.kind   = step_kind::scale;
        s.shape  = shapes_[output];
        s.factor = logit_factor_;
        s.in     = {output};
        s.out    = {add_value(s.shape)};
        output   = s.out[0];
        steps.push_back(s);
    }
    mark_routers();
}

} // namespace forja::trace
