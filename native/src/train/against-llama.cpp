#include "train/against-llama.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/apart.hpp"
#include "base/error.hpp"
#include "export/llama-scorer.hpp"

namespace forja {

namespace {

constexpr size_t most_tokens = 64;

// libllama rounds activations to 8 bits where weights are quantised, this trainer to 16 or not at all: 2 % of a loss was seen. Another
// norm, factor or rotation moves it by tenths of a nat.
constexpr double nats_apart = 0.1, share_apart = 0.05;

double llama_nats(const std::string & path, const std::vector<int32_t> & tokens, int n_vocab, int threads) {
    llama_scorer scorer(load_llama_model(path, "cpu"), "", (uint32_t) most_tokens, threads);
    scorer.begin_row();
    double nats = 0;
    for (size_t first = 0; first < tokens.size(); first += scorer.chunk_tokens()) {
        const size_t      n = std::min<size_t>(scorer.chunk_tokens(), tokens.size() - first);
        std::vector<bool> wanted(n);
        for (size_t i = 0; i < n; i++) {
            wanted[i] = first + i + 1 < tokens.size();
        }
        scorer.feed(tokens.data() + first, wanted, (uint32_t) first, threads);
        for (size_t i = 0; i < n; i++) {
            if (!wanted[i]) {
                continue;
            }
            const float * logits = scorer.logits((int32_t) i);
            const float   top    = *std::max_element(logits, logits + n_vocab);
            double        sum    = 0;
            for (int k = 0; k < n_vocab; k++) {
                sum += std::exp((double) logits[k] - top);
            }
            nats += std::log(sum) + top - logits[tokens[first + i + 1]];
        }
    }
    return nats / (double) (tokens.size() - 1);
}

std::string text(double v) {
    char buffer[32];
    std::snprintf(buffer, sizeof(buffer), "%.3f", v);
    return buffer;
}

} // namespace

void require_llama_agrees(engine & e, const std::string & model_path, const std::vector<int32_t> & tokens, int threads) {
    const size_t n = std::min<size_t>({tokens.size(), most_tokens, (size_t) e.pass_tokens()});
    if (n < 2) {
        return; // nothing to predict
    }
    const std::vector<int32_t> few(tokens.begin(), tokens.begin() + (std::ptrdiff_t) n);
    const batch_loss           loss   = e.evaluate(single_sequence(few));
    const double               ours   = loss.nats / (double) loss.n_tokens;
    // Apart, so that a second mapping of the weights never counts towards this process's memory.
    const std::string answer = run_apart([&] {
        char exact[40];
        std::snprintf(exact, sizeof(exact), "%.17g", llama_nats(model_path, few, e.base().hp().n_vocab, threads));
        return std::string(exact);
    });
    const double theirs = answer.empty() ? std::numeric_limits<double>::quiet_NaN() : std::strtod(answer.c_str(), nullptr);
    if (!(std::fabs(ours - theirs) <= nats_apart + share_apart * theirs)) {
        throw failure("model_differs",
                      model_path + ": Forja computes this model otherwise than llama.cpp: a loss of " + text(ours) + " where llama.cpp has " + text(theirs),
                      "Training would not fit the model as it is used. Please report which model it is; until then choose another.",
                      {{"path", model_path}, {"ours", text(ours)}, {"theirs", text(theirs)}});
    }
}

} // namespace forja
