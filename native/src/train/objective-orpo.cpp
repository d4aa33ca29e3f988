// Odds ratio preference optimisation: supervised tuning on the chosen answer, and a term that makes it more likely than the rejected one.
// No reference. Source: Hong et al. 2024, eqs. 4 to 7, with the mean log probability of an answer's tokens in place of its
// probability, as TRL has it. The supervised term takes the answer alone, as everywhere in Forja (TRL's takes the prompt, too).
#include <algorithm>
#include <cmath>

#include "train/objective.hpp"

namespace forja {

namespace {

// An answer that the model is sure of has odds that no number holds.
constexpr double least_nats = 1e-8;

class orpo : public objective {
  public:
    explicit orpo(const objective_settings & s) : beta_(s.orpo_beta) {}

    row_kind rows() const override { return row_kind::pairs; }

    double group_loss(std::span<const scored_row> rows, const row_totals & totals, std::span<double> weights, metric_means & metrics) const override {
        double mean[2], doubt[2]; // mean log probability of a token; one minus its exponential
        for (int i = 0; i < 2; i++) {
            mean[i]  = -std::max(rows[i].nats / (double) rows[i].n_tokens, least_nats);
            doubt[i] = -std::expm1(mean[i]);
        }
        const double log_odds = mean[0] - mean[1] - (std::log(doubt[0]) - std::log(doubt[1]));
        const double share    = beta_ / (double) totals.groups, slope = share * sigmoid(-log_odds);
        weights[0]            = 1.0 / (double) totals.chosen_tokens + slope / (doubt[0] * (double) rows[0].n_tokens);
        weights[1]            = -slope / (doubt[1] * (double) rows[1].n_tokens);
        metrics.add("reward_chosen", beta_ * mean[0]);
        metrics.add("reward_rejected", beta_ * mean[1]);
        metrics.add("reward_margin", beta_ * (mean[0] - mean[1]));
        metrics.add("reward_accuracy", mean[0] > mean[1] ? 1.0 : 0.0);
        metrics.add("log_odds", log_odds);
        return rows[0].nats / (double) totals.chosen_tokens - share * log_sigmoid(log_odds);
    }

  private:
    double beta_;
};

} // namespace

std::unique_ptr<objective> make_orpo(const objective_settings & s) { return std::make_unique<orpo>(s); }

} // namespace forja
