// Holds the choices of experts where they were: finite differences of a model that chooses are those of the smooth part alone then.
#pragma once

#include <cstring>
#include <vector>

#include "ops/cpu-node.hpp"
#include "train/engine.hpp"

namespace forja::test {

/// Watches an engine's choices in the order in which they are made. record() notes those of the passes that follow, hold() puts them in
/// the place of the next pass's, from the first on. On the CPU only.
class held_choices {
  public:
    explicit held_choices(engine & run) : runner_(run.runner()) {
        runner_.on_choice = [this](graph & g, ggml_tensor * ids) {
            const int64_t k = ids->ne[0], n = ids->ne[1];
            return cpu_node::node(g, "held choice", GGML_TYPE_I32, {k, n}, {ids}, [this, ids, k, n](ggml_tensor * dst, int ith, int) {
                if (ith == 0) {
                    pass(ids, (int32_t *) dst->data, k, n);
                }
            });
        };
    }
    ~held_choices() { runner_.on_choice = {}; }
    held_choices(const held_choices &)             = delete;
    held_choices & operator=(const held_choices &) = delete;

    void record() {
        kept_.clear();
        is_holding_ = false;
    }
    void hold() {
        next_       = 0;
        changed_    = 0;
        is_holding_ = true;
    }
    int64_t count() const { return (int64_t) kept_.size(); }
    /// Tokens whose experts would have been others since hold().
    int64_t changed() const { return changed_; }

  private:
    void pass(const ggml_tensor * ids, int32_t * to, int64_t k, int64_t n) {
        for (int64_t t = 0; t < n; t++) {
            for (int64_t j = 0; j < k; j++) {
                const int32_t own = *(const int32_t *) ((const char *) ids->data + t * ids->nb[1] + j * ids->nb[0]);
                if (!is_holding_) {
                    kept_.push_back(own);
                }
                to[t * k + j] = is_holding_ ? kept_.at(next_++) : own;
                changed_ += to[t * k + j] != own;
            }
        }
    }
    graph_runner &       runner_;
    std::vector<int32_t> kept_;
    size_t               next_ = 0;
    int64_t              changed_ = 0;
    bool                 is_holding_ = false;
};

} // namespace forja::test
