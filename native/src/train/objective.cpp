#include "train/objective.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace forja {

void metric_means::add(const std::string & name, double value) {
    auto & [sum, n] = sums_[name];
    sum += value;
    n++;
}

std::map<std::string, double> metric_means::means() const {
    std::map<std::string, double> out;
    for (const auto & [name, sum] : sums_) {
        out[name] = sum.first / (double) sum.second;
    }
    return out;
}

double log_sigmoid(double x) { return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x)); }

double sigmoid(double x) { return x < 0 ? std::exp(x) / (1.0 + std::exp(x)) : 1.0 / (1.0 + std::exp(-x)); }

std::unique_ptr<objective> make_objective(const objective_settings & s) {
    if (s.objective == "sft") {
        return make_sft();
    }
    if (s.objective == "dpo") {
        return make_dpo(s);
    }
    if (s.objective == "orpo") {
        return make_orpo(s);
    }
    if (s.objective == "kto") {
        return make_kto(s);
    }
    throw failure("internal", "The objective '" + s.objective + "' is in the schema and not in the trainer"); // the schema has checked it
}

} // namespace forja
