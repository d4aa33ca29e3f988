// Where one block ends and the next begins: between the last use of the one's weights and the first of the other's, at the place where
// the fewest values cross. One must: the hidden state.
#include <algorithm>

#include "trace/recogniser.hpp"

namespace forja::trace {

namespace {

// The block that a tensor's name tells, -1 for none.
int block_in(const std::string & name) { return name.rfind("blk.", 0) == 0 ? std::stoi(name.substr(4)) : -1; }

int block_of(const step & s) { return s.kind == step_kind::rope ? -1 : std::max(block_in(s.weight), block_in(s.bias)); }

// Values made before step p that are used from there on.
std::vector<int> crossing(const recogniser & r, size_t p) {
    std::vector<char> before(r.n_values, 0), used(r.n_values, 0);
    before[0] = 1;
    for (size_t i = 0; i < r.steps.size(); i++) {
        for (int v : r.steps[i].in) {
            used[v] |= i >= p;
        }
        for (int v : r.steps[i].out) {
            before[v] |= i < p;
        }
    }
    used[r.output] = 1;
    std::vector<int> out;
    for (int v = 0; v < r.n_values; v++) {
        if (before[v] && used[v]) {
            out.push_back(v);
        }
    }
    return out;
}

part make_part(const recogniser & r, size_t from, size_t to, int input, int output) {
    part             out;
    std::vector<int> now(r.n_values, -1);
    now[input] = 0;
    for (size_t i = from; i < to; i++) {
        step s = r.steps[i];
        for (int & v : s.in) {
            v = now[v];
        }
        for (int & v : s.out) {
            v = now[v] = out.n_values++;
        }
        out.steps.push_back(std::move(s));
    }
    out.output = now[output];
    return out;
}

} // namespace

void cut_blocks(const recogniser & r, program & into) {
    const int n_steps = (int) r.steps.size();
    int       n_layer = 0, first = n_steps, last = -1;
    for (int i = 0; i < n_steps; i++) {
        if (const int b = block_of(r.steps[i]); b >= 0) {
            n_layer = std::max(n_layer, b + 1);
            first   = std::min(first, i);
            last    = i;
        }
    }
    if (n_layer == 0) {
        throw unsupported{"it has no blocks"};
    }
    // A weight of no block lies before or behind them.
    auto place = [&](int i) -> int {
        const step & s = r.steps[i];
        if (const int b = block_of(s); b >= 0) {
            return b;
        }
        const bool weighs = s.kind != step_kind::rope && (!s.weight.empty() || !s.bias.empty());
        return !weighs ? -2 : i < first ? -1 : i > last ? n_layer : -2;
    };
    std::vector<size_t> cuts;
    std::vector<int>    state;
    for (int b = -1; b < n_layer; b++) { // between part b and part b + 1
        int low = -1, high = n_steps;
        for (int i = 0; i < n_steps; i++) {
            const int p = place(i);
            if (p != -2 && p <= b) {
                low = std::max(low, i);
            } else if (p != -2) {
                high = std::min(high, i);
            }
        }
        if (high <= low) {
            throw unsupported{"its blocks are not computed one after the other"};
        }
        size_t           best = (size_t) low + 1;
        std::vector<int> values = crossing(r, best);
        for (size_t p = best + 1; p <= (size_t) high; p++) {
            std::vector<int> here = crossing(r, p);
            if (here.size() <= values.size()) {
                best   = p;
                values = std::move(here);
            }
        }
        if (values.size() != 1) {
            throw unsupported{std::to_string(values.size()) + " values cross from block " + std::to_string(b) + " to the next"};
        }
        cuts.push_back(best);
        state.push_back(values[0]);
    }
    into.prologue = make_part(r, 0, cuts[0], 0, state[0]);
    for (int b = 0; b < n_layer; b++) {
        into.blocks.push_back(make_part(r, cuts[b], cuts[b + 1], state[b], state[b + 1]));
        for (const step & s : into.blocks.back().steps) {
            if (s.kind == step_kind::attention) {
                for (const step & made : into.blocks.back().steps) {
                    if (!made.out.empty() && made.out[0] == s.in[0]) {
                        into.n_head = std::max(into.n_head, made.shape[1].n);
                    }
                }
            }
        }
    }
    into.epilogue = make_part(r, cuts[n_layer], r.steps.size(), state[n_layer], r.output);
}

std::string part::signature() const {
    std::string out;
    auto        text = [&](auto... v) { ((out += std::to_string(v) + " "), ...); };
    for (const step & s : steps) {
        text((int) s.kind);
        for (int v : s.in) {
            text(v);
        }
        for (const extent & e : s.shape) {
            text(e.n, (int) e.per_token);
        }
        text(s.how.n_swa, s.how.softcap, s.how.scale, (int) s.function, (int) s.act, s.rotation.n_rot, s.rotation.mode, s.stride1, s.offset, (int) s.router, (int) s.has_silu, (int) s.is_grouped);
        out += std::string(s.weight.empty() ? "-" : "w") + (s.bias.empty() ? "-;" : "b;");
    }
    return out;
}

} // namespace forja::trace
