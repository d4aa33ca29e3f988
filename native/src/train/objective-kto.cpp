// Kahneman-Tversky optimisation: answers that are marked as good are to gain on the reference, others to lose, both measured from how
// far the tuned model has departed from the reference anyway. Source: Ethayarajh et al. 2024, eq. 8.
#include "train/objective.hpp"

namespace forja {

namespace {

class kto : public objective {
  public:
    explicit kto(const objective_settings & s) : beta_(s.kto_beta), desirable_(s.desirable_weight), undesirable_(s.undesirable_weight) {}

    row_kind rows() const override { return row_kind::labelled; }
    bool     needs_reference() const override { return true; }
    bool     needs_kl() const override { return true; }

    double group_loss(std::span<const scored_row> rows, const row_totals & totals, std::span<double> weights, metric_means & metrics) const override {
        const scored_row & row   = rows[0];
        const double       gain  = row.reference_nats - row.nats; // log ratio
        const double       sign  = row.desirable ? 1.0 : -1.0;
        const double       share = (row.desirable ? desirable_ : undesirable_) / (double) totals.groups;
        const double       value = sigmoid(beta_ * sign * (gain - totals.kl));
        weights[0]               = sign * share * beta_ * value * (1.0 - value);
        metrics.add(row.desirable ? "reward_chosen" : "reward_rejected", beta_ * gain);
        metrics.add("kl", totals.kl);
        return share * (1.0 - value);
    }

  private:
    double beta_, desirable_, undesirable_;
};

} // namespace

std::unique_ptr<objective> make_kto(const objective_settings & s) { return std::make_unique<kto>(s); }

} // namespace forja
