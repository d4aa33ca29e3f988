// Direct preference optimisation: the chosen answer is to gain more on the reference than the rejected one.
// Sources: Rafailov et al. 2023, eq. 7; Mitchell 2023 for dpo_label_smoothing (a share of the pairs is taken to be the wrong way
// round); Azar et al. 2023, eq. 17 for ipo, by token as TRL has it, so that long answers do not count more.
#include <cmath>

#include "train/objective.hpp"

namespace forja {

namespace {

class dpo : public objective {
  public:
    explicit dpo(const objective_settings & s) : beta_(s.dpo_beta), smoothing_(s.dpo_label_smoothing), ipo_(s.dpo_loss_type == "ipo") {}

    row_kind rows() const override { return row_kind::pairs; }
    bool     needs_reference() const override { return true; }

    double group_loss(std::span<const scored_row> rows, const row_totals & totals, std::span<double> weights, metric_means & metrics) const override {
        const double chosen = rows[0].reference_nats - rows[0].nats, rejected = rows[1].reference_nats - rows[1].nats; // log ratios
        const double share = 1.0 / (double) totals.groups;
        metrics.add("reward_chosen", beta_ * chosen);
        metrics.add("reward_rejected", beta_ * rejected);
        metrics.add("reward_margin", beta_ * (chosen - rejected));
        metrics.add("reward_accuracy", chosen > rejected ? 1.0 : 0.0);
        if (ipo_) {
            const double n_chosen = (double) rows[0].n_tokens, n_rejected = (double) rows[1].n_tokens;
            const double away = chosen / n_chosen - rejected / n_rejected - 1.0 / (2.0 * beta_);
            weights[0]        = -2.0 * away * share / n_chosen;
            weights[1]        = 2.0 * away * share / n_rejected;
            return away * away * share;
        }
        const double z     = beta_ * (chosen - rejected);
        const double slope = beta_ * ((1.0 - smoothing_) * sigmoid(-z) - smoothing_ * sigmoid(z)) * share;
        weights[0]         = slope;
        weights[1]         = -slope;
        return -((1.0 - smoothing_) * log_sigmoid(z) + smoothing_ * log_sigmoid(-z)) * share;
    }

  private:
    double beta_, smoothing_;
    bool   ipo_;
};

} // namespace

std::unique_ptr<objective> make_dpo(const objective_settings & s) { return std::make_unique<dpo>(s); }

} // namespace forja
