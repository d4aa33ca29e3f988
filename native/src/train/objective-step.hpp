// An objective at work: the losses and gradients of a step's passes, and the loss of validation rows.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/engine.hpp"
#include "train/objective.hpp"
#include "train/reference-losses.hpp"
#include "train/row-order.hpp"

namespace forja {

/// What an objective needs beside the rows.
struct objective_parts {
    const objective &    goal;
    engine &             computing;
    method &             tuning;
    reference_losses *   reference = nullptr; // where goal.needs_reference()
    const saved_tuning * start     = nullptr; // the tuning that the run started from; null: its base
};

/// Says whether to go on; asked between passes. It may wait.
using go_on_fn = std::function<bool()>;

class objective_step {
  public:
    /// @param rows of the step, in order, as numbers of `set`
    /// @param passes of these rows, from pack_passes()
    objective_step(const objective_parts & parts, const row_set & set, const std::vector<int64_t> & rows, const std::vector<micro_batch> & passes);

    int64_t tokens() const { return tokens_; }
    int64_t supervised_tokens() const { return totals_.tokens; }

    /// What must be known before the first pass: the reference's losses, the KL estimate. False when told to stop.
    bool prepare(const go_on_fn & go_on);

    /// Adds the gradients of the next pass, in order.
    void add(const micro_batch & pass, uint64_t dropout_key);

    /// Of the whole step, once every pass was added.
    double                        loss() const;
    std::map<std::string, double> metrics() const { return metrics_.means(); }

  private:
    std::vector<float> weigh(const micro_batch & pass, const std::vector<float> & token_nats);

    objective_parts      p_;
    const row_set &      set_;
    std::vector<int64_t> rows_;
    row_totals           totals_;
    metric_means         metrics_;
    int64_t              tokens_ = 0, next_ = 0;
    double               nats_ = 0, loss_ = 0;
};

/// The loss of validation rows by an objective that is no plain mean.
struct objective_score {
    double                        loss = 0;
    double                        chosen_nats = 0; // of the rows' first sequences
    int64_t                       chosen_tokens = 0;
    std::map<std::string, double> metrics;
};

/// Nothing once told to stop.
std::optional<objective_score> score_rows(const objective_parts & parts, const row_set & set, const go_on_fn & go_on);

} // namespace forja
