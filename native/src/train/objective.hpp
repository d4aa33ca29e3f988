// What a run learns from its rows: an objective turns the losses of a step's rows into the step's loss, into what each row's gradient
// counts in it, and into figures for curves. It knows no model: the engine computes the rows' losses and takes the weights back.
// An objective is one file (docs/howto/add-an-objective.md).
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/settings.hpp"
#include "data/token-file.hpp"

namespace forja {

/// One row of a group, as far as an objective is told of it.
struct scored_row {
    double  nats           = 0; // of its supervised tokens, summed: minus their log probability
    int64_t n_tokens       = 0; // supervised
    double  reference_nats = 0; // of the same tokens by the reference; 0 where the objective has none
    bool    desirable      = true; // labelled rows: what the person said of it
};

/// What the rows of a step, or of a validation, come to.
struct row_totals {
    int64_t groups        = 0;
    int64_t tokens        = 0; // supervised, of all rows
    int64_t chosen_tokens = 0; // supervised, of each group's first row
    double  kl            = 0; // nats by which the tuned model departs from the reference on answers to other prompts; never below 0
};

/// Means of named figures. A figure that nothing was added to has no mean.
class metric_means {
  public:
    void                          add(const std::string & name, double value);
    std::map<std::string, double> means() const;

  private:
    std::map<std::string, std::pair<double, int64_t>> sums_;
};

class objective {
  public:
    virtual ~objective() = default;

    /// How the rows must lie in the token file. A group is never parted by passes.
    virtual row_kind rows() const { return row_kind::rows; }

    /// The loss is the mean over all supervised tokens: a token's gradient does not depend on any loss, so a pass runs the head once.
    virtual bool is_plain_mean() const { return false; }

    /// Whether scored_row::reference_nats are wanted: the reference is the model as the run began.
    virtual bool needs_reference() const { return false; }

    /// Whether row_totals::kl is wanted.
    virtual bool needs_kl() const { return false; }

    /// What a group adds to the loss, which is the sum over the groups.
    /// @param weights receives, for each row, the derivative of the loss by its nats
    /// @param metrics receives the group's figures
    virtual double group_loss(std::span<const scored_row> rows, const row_totals & totals, std::span<double> weights, metric_means & metrics) const = 0;
};

std::unique_ptr<objective> make_objective(const objective_settings & s);

// One maker for each file.
std::unique_ptr<objective> make_sft();
std::unique_ptr<objective> make_dpo(const objective_settings & s);
std::unique_ptr<objective> make_orpo(const objective_settings & s);
std::unique_ptr<objective> make_kto(const objective_settings & s);

/// log(1 / (1 + exp(-x))), also where x is far from 0.
double log_sigmoid(double x);
double sigmoid(double x);

} // namespace forja
