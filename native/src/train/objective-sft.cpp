// Supervised fine-tuning: the mean of the losses of all supervised tokens, whatever rows they are in.
#include "train/objective.hpp"

namespace forja {

namespace {

class sft : public objective {
  public:
    bool is_plain_mean() const override { return true; }

    double group_loss(std::span<const scored_row> rows, const row_totals & totals, std::span<double> weights, metric_means &) const override {
        weights[0] = 1.0 / (double) totals.tokens;
        return rows[0].nats / (double) totals.tokens;
    }
};

} // namespace

std::unique_ptr<objective> make_sft() { return std::make_unique<sft>(); }

} // namespace forja
