// One block's graph and all that must live as long as it.
#pragma once

#include "ops/ops.hpp"

namespace forja {

struct block_pass {
    graph        g;
    batch_inputs in;
    kept_values  kept;
    tape         t;

    /// @param dry see graph
    block_pass(graph_runner & r, const micro_batch & mb, bool training, bool dry = false)
        : g(r, dry, mb.n_tokens() / r.attention_rows + mb.n_seq()), in(g, mb), t(g, &kept, training) {}
    block_pass(const block_pass &) = delete;
};

} // namespace forja
