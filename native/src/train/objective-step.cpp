#include "train/objective-step.hpp"

#include <algorithm>

namespace forja {

namespace {

// Supervised tokens of sequence i.
int64_t supervised(const micro_batch & mb, int i) { return mb.sup_start[i + 1] - mb.sup_start[i]; }

void add_totals(row_totals & totals, const micro_batch & mb, int group_size) {
    totals.tokens += (int64_t) mb.labels.size();
    for (int i = 0; i < mb.n_seq(); i += group_size) {
        totals.chosen_tokens += supervised(mb, i);
        totals.groups++;
    }
}

// The group that begins at sequence `at` of the pass and is row `row` of the set.
std::vector<scored_row> scored_group(const objective_parts & p, const row_set & set, int64_t row, const micro_batch & mb, int at, const std::vector<double> & nats) {
    std::vector<scored_row> group((size_t) set.group_size());
    for (int k = 0; k < set.group_size(); k++) {
        scored_row & one = group[(size_t) k];
        one.nats         = nats[(size_t) (at + k)];
        one.n_tokens     = supervised(mb, at + k);
        if (p.reference) {
            one.reference_nats = p.reference->nats(row, k);
        }
        if (set.kind() == row_kind::labelled) {
            one.desirable = set.desirable(row);
        }
    }
    return group;
}

bool compute_reference(const objective_parts & p, const std::vector<int64_t> & rows, const go_on_fn & go_on) {
    std::vector<int64_t> missing;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(missing), [&](int64_t row) { return !p.reference->has(row); });
    if (missing.empty()) {
        return true;
    }
    const as_reference guard(p.tuning, p.start);
    return std::all_of(missing.begin(), missing.end(), [&](int64_t row) {
        const bool on = go_on();
        if (on) {
            p.reference->compute(p.computing, row);
        }
        return on;
    });
}

double nats_of(engine & e, const row_set & set, int64_t asked, int64_t answered) {
    micro_batch mb;
    set.append_mismatched(mb, asked, answered);
    return e.evaluate(mb).nats;
}

// By how much the tuned model prefers other prompts' answers more than the reference does: each row's prompt with the answer of the
// row before it, as in TRL. Nothing once told to stop.
std::optional<double> estimate_kl(const objective_parts & p, const row_set & set, const std::vector<int64_t> & rows, const go_on_fn & go_on) {
    const auto sum = [&]() -> std::optional<double> {
        double total = 0;
        for (size_t i = 0; i < rows.size(); i++) {
            if (!go_on()) {
                return std::nullopt;
            }
            total += nats_of(p.computing, set, rows[i], rows[(i + rows.size() - 1) % rows.size()]);
        }
        return total;
    };
    const auto tuned = sum();
    if (!tuned) {
        return std::nullopt;
    }
    const as_reference guard(p.tuning, p.start);
    const auto         reference = sum();
    return reference ? std::optional(std::max(0.0, (*reference - *tuned) / (double) rows.size())) : std::nullopt;
}

} // namespace

objective_step::objective_step(const objective_parts & parts, const row_set & set, const std::vector<int64_t> & rows, const std::vector<micro_batch> & passes)
    : p_(parts), set_(set), rows_(rows) {
    for (const micro_batch & mb : passes) {
        tokens_ += mb.n_tokens();
        add_totals(totals_, mb, set.group_size());
    }
}

bool objective_step::prepare(const go_on_fn & go_on) {
    if (p_.goal.needs_reference() && !compute_reference(p_, rows_, go_on)) {
        return false;
    }
    if (p_.goal.needs_kl()) {
        const auto kl = estimate_kl(p_, set_, rows_, go_on);
        if (!kl) {
            return false;
        }
        totals_.kl = *kl;
    }
    return true;
}

void objective_step::add(const micro_batch & pass, uint64_t dropout_key) {
    const float scale = (float) (1.0 / (double) totals_.tokens);
    if (p_.goal.is_plain_mean()) {
        nats_ += p_.computing.accumulate_gradients(pass, scale, dropout_key).nats;
        return;
    }
    p_.computing.accumulate_gradients(pass, [&](const std::vector<float> & token_nats) { return weigh(pass, token_nats); }, scale, dropout_key);
}

// Weights beside the engine's factor, which is that of a mean: on a device they are then of a size that its products can hold.
std::vector<float> objective_step::weigh(const micro_batch & pass, const std::vector<float> & token_nats) {
    const std::vector<double> nats = sequence_nats(pass, token_nats);
    std::vector<float>        out(token_nats.size());
    std::vector<double>       weights((size_t) set_.group_size());
    for (int at = 0; at < pass.n_seq(); at += set_.group_size()) {
        const std::vector<scored_row> group = scored_group(p_, set_, rows_[(size_t) next_++], pass, at, nats);
        loss_ += p_.goal.group_loss(group, totals_, weights, metrics_);
        for (int k = 0; k < set_.group_size(); k++) {
            std::fill(out.begin() + pass.sup_start[at + k], out.begin() + pass.sup_start[at + k + 1], (float) (weights[(size_t) k] * (double) totals_.tokens));
        }
    }
    return out;
}

double objective_step::loss() const { return p_.goal.is_plain_mean() ? nats_ / (double) totals_.tokens : loss_; }

std::optional<objective_score> score_rows(const objective_parts & p, const row_set & set, const go_on_fn & go_on) {
    std::vector<int64_t> rows((size_t) set.count());
    for (size_t i = 0; i < rows.size(); i++) {
        rows[i] = (int64_t) i;
    }
    if (p.goal.needs_reference() && !compute_reference(p, rows, go_on)) {
        return std::nullopt;
    }
    row_totals totals;
    if (p.goal.needs_kl()) {
        const auto kl = estimate_kl(p, set, rows, go_on);
        if (!kl) {
            return std::nullopt;
        }
        totals.kl = *kl;
    }
    objective_score                      out;
    std::vector<std::vector<scored_row>> groups;
    for (int64_t row : rows) {
        if (!go_on()) {
            return std::nullopt;
        }
        micro_batch mb;
        set.append(mb, row);
        add_totals(totals, mb, set.group_size());
        groups.push_back(scored_group(p, set, row, mb, 0, sequence_nats(mb, p.computing.evaluate(mb).token_nats)));
        out.chosen_nats += groups.back()[0].nats;
    }
    metric_means        metrics;
    std::vector<double> weights((size_t) set.group_size());
    for (const std::vector<scored_row> & group : groups) {
        out.loss += p.goal.group_loss(group, totals, weights, metrics);
    }
    out.chosen_tokens = totals.chosen_tokens;
    out.metrics       = metrics.means();
    return out;
}

} // namespace forja
