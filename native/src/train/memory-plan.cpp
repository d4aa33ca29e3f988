#include "train/memory-plan.hpp"

#include <algorithm>
#include <optional>

#include "base/error.hpp"

namespace forja {

namespace {

std::string mib(size_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

// The plan for one kind of pass and placement, if it fits.
std::optional<memory_plan> attempt(const memory_needs & n, const pass_choice & pass, const weight_placement & weights, size_t & least) {
    memory_plan p;
    p.weights      = weights;
    p.pass_tokens  = pass.tokens;
    p.input_stride = pass.input_stride;
    p.bytes        = n.adapter_bytes + n.activation_bytes(pass, weights.head_rows > 0) + (n.weight_bytes ? n.weight_bytes(weights) : 0);
    least          = std::min(least, p.bytes);
    return p.bytes <= n.available_bytes ? std::optional<memory_plan>(p) : std::nullopt;
}

} // namespace

std::vector<pass_choice> pass_choices(int64_t max_tokens, int64_t max_row_tokens, int longest_stride) {
    std::vector<int64_t> fast{max_tokens}, slow;
    for (int64_t last = max_tokens; last > max_row_tokens;) {
        last = std::max(max_row_tokens, (last + 1) / 2);
        (last >= fast_pass_tokens ? fast : slow).push_back(last);
    }
    std::vector<pass_choice> out;
    for (const std::vector<int64_t> & sizes : {fast, slow}) {
        for (int stride = 1; stride <= longest_stride; stride++) {
            for (int64_t tokens : sizes) {
                out.push_back({tokens, stride});
            }
        }
    }
    return out;
}

memory_plan plan_memory(const memory_needs & n, const std::string & device_name) {
    size_t                     least = SIZE_MAX;
    std::optional<memory_plan> plan;
    auto                       try_all = [&](const weight_placement & weights) {
        for (size_t i = 0; i < n.passes.size() && !plan; i++) {
            plan = attempt(n, n.passes[i], weights, least);
        }
    };
    try_all({n.n_layer, 0});
    if (n.weight_bytes) {
        const int two = std::min(2, n.n_layer - 1); // one to compute with while the other is filled
        for (int slots = two; slots >= 1 && !plan; slots--) {
            try_all({slots, 0});
        }
        for (int slots = two; slots >= 1 && !plan; slots--) {
            for (size_t i = 0; i < n.head_rows.size() && !plan; i++) {
                try_all({slots, n.head_rows[i]});
            }
        }
        while (plan && plan->weights.n_slots + 1 < n.n_layer) {
            weight_placement more = plan->weights;
            more.n_slots++;
            std::optional<memory_plan> larger = attempt(n, {plan->pass_tokens, plan->input_stride}, more, least);
            if (!larger) {
                break;
            }
            plan = larger;
        }
    }
    if (!plan) {
        throw failure("device_out_of_memory",
                      "Training needs at least " + mib(least) + " on " + device_name + ", and " + mib(n.available_bytes) + " may be used",
                      "Lower max_seq_len or lora_rank, choose a smaller model or quantisation, or train on the CPU.",
                      {{"device", device_name}, {"needed_bytes", std::to_string(least)}, {"available_bytes", std::to_string(n.available_bytes)}});
    }
    plan->kept_bytes = std::min(n.kept_bytes, (n.available_bytes - plan->bytes) / n.kept_part);
    plan->bytes += plan->kept_bytes;
    return *plan;
}

} // namespace forja
