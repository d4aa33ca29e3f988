// Gradients of every trainable tensor against central differences of the loss, on tiny F32 models of each architecture; and
// that a gradient does not depend on how rows are batched, on what is recomputed, or on the number of threads.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "peft/lora.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/engine.hpp"

using namespace forja;
using namespace forja::test;

namespace {

struct subject {
    std::shared_ptr<model>  base;
    std::unique_ptr<method> tuning;
    std::unique_ptr<engine> run;

    subject(const std::string & path, const method_settings & s, precision prec = precision::f32, int64_t budget = -1, int threads = 1) {
        base   = open_model(path, 256, threads);
        tuning = make_method(s, *base, true);
        fill_adapter(*tuning);
        engine::options o;
        o.prec                    = prec;
        o.max_tokens              = 512;
        o.activation_budget_bytes = budget;
        run                       = std::make_unique<engine>(base, tuning.get(), o);
    }

    parameter_store & params() { return tuning->params(); }

    // Gradient of the sum of losses over the batches, one flat vector per tensor.
    std::vector<std::vector<float>> gradients(const std::vector<micro_batch> & batches, uint64_t dropout_key = 0) {
        params().zero_grads();
        loss = 0;
        for (const micro_batch & mb : batches) {
            loss += run->accumulate_gradients(mb, 1.0f, dropout_key).nats;
        }
        std::vector<std::vector<float>> out;
        for (int i = 0; i < params().count(); i++) {
            out.push_back(params().read(params().grad(i)));
        }
        return out;
    }
    double loss = 0; // of the last gradients()
};

std::vector<float> flat(const std::vector<std::vector<float>> & parts) {
    std::vector<float> out;
    for (const auto & p : parts) {
        out.insert(out.end(), p.begin(), p.end());
    }
    return out;
}

double length(const std::vector<float> & v) {
    double s = 0;
    for (float x : v) {
        s += (double) x * x;
    }
    return std::sqrt(s);
}

// Slope of the loss when tensor i moves along `direction`, by the central difference of fourth order:
// (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h, whose error falls with h^4.
double slope(subject & s, int i, const micro_batch & mb, const std::vector<float> & direction, double h) {
    ggml_tensor *            t     = s.params().value(i);
    const std::vector<float> start = s.params().read(t);
    auto                     at    = [&](double step) {
        std::vector<float> moved = start;
        for (size_t k = 0; k < moved.size(); k++) {
            moved[k] += (float) (step * direction[k]);
        }
        s.params().write(t, moved.data(), moved.size());
        return s.run->evaluate(mb).nats;
    };
    const double result = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    s.params().write(t, start.data(), start.size());
    return result;
}

std::vector<std::vector<uint32_t>> three_row_list() { return {random_row(11, 4, 9), random_row(12, 2, 5), random_row(13, 6, 15)}; }

micro_batch three_rows() { return batch_of(three_row_list()); }

// The noise of a loss of about 200 nats summed from F32 is some 1e-5; with h = 0.02 that is up to 1e-3 in a slope, whose size is
// the gradient's length, 1 to 30; what was seen is 6e-5. So 3e-4 of a tensor's gradient length (plus the noise) is the
// tolerance; a sign, a factor or a forgotten path shows as 0.1 and more.
constexpr double fd_tolerance = 3e-4;

// Lengths that a method measures between steps are constants here, as in training.
void finite_differences(const std::string & variant, const std::string & path, const char * tuning = "lora") {
    method_settings s;
    s.method     = tuning;
    s.lora_rank  = 4;
    s.lora_alpha = 8;
    subject           it(path, s);
    const micro_batch mb    = three_rows();
    const auto        grads = it.gradients({mb});
    check(std::fabs(it.loss - it.run->evaluate(mb).nats) < 1e-3, variant + ": training and evaluation give the same loss");
    double worst = 0;
    std::string where;
    int    tensors = 0;
    for (int i = 0; i < it.params().count(); i++) {
        const std::vector<float> & g   = grads[i];
        const double               len = length(g);
        if (!(len > 1e-3)) {
            check(false, variant + ": " + it.params().name(i) + " has no gradient");
            continue;
        }
        double error = 0;
        // Along the gradient: its length is right.
        std::vector<float> along(g.size());
        for (size_t k = 0; k < g.size(); k++) {
            along[k] = (float) (g[k] / len);
        }
        error = std::fabs(slope(it, i, mb, along, 0.02) - len) / (len + 0.3);
        // Single values: the largest, and one in the middle: its direction is right.
        std::vector<size_t> order(g.size());
        std::iota(order.begin(), order.end(), size_t(0));
        std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return std::fabs(g[a]) > std::fabs(g[b]); });
        for (size_t k : {order[0], order[order.size() / 2]}) {
            std::vector<float> one(g.size(), 0.0f);
            one[k] = 1.0f;
            error  = std::max(error, std::fabs(slope(it, i, mb, one, 0.02) - g[k]) / (len + 0.3));
        }
        tensors++;
        if (!(error <= worst)) {
            worst = error;
            where = it.params().name(i);
        }
    }
    check_error(variant + ": " + std::to_string(tensors) + " tensors, worst " + where, worst, fd_tolerance);
}

// The slope along the whole gradient is its length: one number that every tensor shares in. For what is too slow one by one.
void along_the_gradient(const std::string & what, const std::string & path, const micro_batch & mb, double tolerance) {
    method_settings s;
    s.lora_rank  = 4;
    s.lora_alpha = 8;
    subject      it(path, s);
    const auto   grads = it.gradients({mb});
    const double len   = length(flat(grads));
    std::vector<std::vector<float>> start;
    for (int i = 0; i < it.params().count(); i++) {
        start.push_back(it.params().read(it.params().value(i)));
    }
    auto at = [&](double step) {
        for (int i = 0; i < it.params().count(); i++) {
            std::vector<float> moved = start[i];
            for (size_t k = 0; k < moved.size(); k++) {
                moved[k] += (float) (step * grads[i][k] / len);
            }
            it.params().write(it.params().value(i), moved.data(), moved.size());
        }
        return it.run->evaluate(mb).nats;
    };
    const double h = 0.02, slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    check_error(what + ": slope along the gradient", std::fabs(slope - len) / len, tolerance);
}

// Whatever shares a micro-batch, a row's gradient is its own: exact but for the order of sums.
void batches(const std::string & variant, const std::string & path) {
    method_settings s;
    s.lora_rank = 4;
    subject    it(path, s);
    const auto rows     = std::vector<std::vector<uint32_t>>{random_row(11, 4, 9), random_row(12, 2, 5), random_row(13, 6, 15)};
    const auto together = flat(it.gradients({batch_of(rows)}));
    const double loss   = it.loss;
    const auto apart    = flat(it.gradients({batch_of({rows[0]}), batch_of({rows[1]}), batch_of({rows[2]})}));
    check_error(variant + ": gradient of a batch is the sum of its rows'", relative_distance(together, apart), 1e-5);
    check_error(variant + ": loss of a batch is the sum of its rows'", std::fabs(loss - it.loss) / it.loss, 1e-6);
    const auto swapped = flat(it.gradients({batch_of({rows[2], rows[0], rows[1]})}));
    check_error(variant + ": the order of rows does not matter", relative_distance(swapped, together), 1e-5);

    subject recompute(path, s, precision::f32, 0);
    check(flat(recompute.gradients({batch_of(rows)})) == together, variant + ": recomputed and kept activations give the same bits");
    subject threads(path, s, precision::f32, -1, 2);
    check_error(variant + ": two threads", relative_distance(flat(threads.gradients({batch_of(rows)})), together), 1e-6);
    // BF16 has 8 bits: both factors of each product, forward and backward, are off by up to 2^-9. Seen are 1e-2 to 2e-2 in the
    // gradients and 1e-2 nats in the loss of 29 tokens; errors are of either sign, so training averages them out.
    subject fast(path, s, precision::fast);
    check_error(variant + ": gradients with fast products", relative_distance(flat(fast.gradients({batch_of(rows)})), together), 5e-2);
    check_error(variant + ": loss with fast products", std::fabs(fast.loss - loss) / loss, 2e-3);
    // Kept activations are BF16 then, once more 2^-9; recomputed ones are F32.
    subject fast_recompute(path, s, precision::fast, 0);
    check_error(variant + ": fast products, recomputed", relative_distance(flat(fast_recompute.gradients({batch_of(rows)})), together), 5e-2);
}

// A method with a term of its own in the loss: half the sum of A's squares.
class decayed : public lora {
  public:
    decayed(const method_settings & s, const tunable & base) : lora(s, base, true) {}
    double extra_loss() override {
        double sum = 0;
        for (const tuned_site & at : sites()) {
            std::vector<float> a = values(at.parts[0]), g = params_.read(params_.grad(at.parts[0]));
            for (size_t i = 0; i < a.size(); i++) {
                sum += 0.5 * a[i] * a[i];
                g[i] += a[i];
            }
            params_.write(params_.grad(at.parts[0]), g.data(), g.size());
        }
        return sum;
    }
};

void extra_loss(const std::string & path) {
    method_settings s;
    s.lora_rank = 2;
    auto    base = open_model(path);
    decayed m(s, *base);
    fill_adapter(m);
    engine::options o;
    o.prec = precision::f32;
    engine     e(base, &m, o);
    const auto mb   = three_rows();
    const auto loss = [&](bool with_term) {
        m.params().zero_grads();
        const double nats = e.accumulate_gradients(mb, 1.0f, 0).nats;
        return with_term ? nats + m.extra_loss() : nats;
    };
    loss(false);
    const std::vector<float> plain = m.params().read(m.params().grad(0));
    const double             total = loss(true);
    std::vector<float>       g = m.params().read(m.params().grad(0)), a = m.params().read(m.params().value(0));
    double                   worst = 0;
    for (size_t i = 0; i < g.size(); i++) {
        worst = std::max(worst, std::fabs((double) g[i] - plain[i] - a[i]) / std::max(1.0f, std::fabs(g[i])));
    }
    check_error("a method's own term adds its gradient", worst, 0x1.0p-23); // one rounding of the sum
    check(total > e.evaluate(mb).nats, "and its value");
    m.set_enabled(false);
    engine bare(base, nullptr, o);
    check(e.evaluate(mb).nats == bare.evaluate(mb).nats, "a disabled method leaves the base, to the bit");
}

// A masked token adds nothing: one row with all answer tokens supervised has the gradient of two copies of it that share
// these tokens out between them.
void masks(const std::string & path) {
    method_settings s;
    s.lora_rank = 4;
    subject               it(path, s);
    std::vector<uint32_t> row = random_row(21, 1, 11), first = row, second = row;
    for (size_t i = 1; i < row.size(); i++) {
        (i < 6 ? second : first)[i] &= 0x7fffffffu;
    }
    const auto whole = flat(it.gradients({batch_of({row})}));
    const double loss = it.loss;
    const auto parts = flat(it.gradients({batch_of({first}), batch_of({second})}));
    check_error("masks: the gradients of two halves of the tokens add up", relative_distance(parts, whole), 1e-5);
    check_error("masks: so do their losses", std::fabs(it.loss - loss) / loss, 1e-6);
}

// The same key drops the same values forward and in the recomputed backward pass: differences of the loss show it.
void dropout(const std::string & path, const std::string & tuning) {
    method_settings s;
    s.method       = tuning;
    s.lora_rank    = 4;
    s.lora_dropout = 0.3;
    subject           it(path, s, precision::f32, 0);
    const micro_batch mb    = three_rows();
    const auto        grads = it.gradients({mb}, 5);
    const double      loss  = it.loss;
    check(flat(it.gradients({mb}, 5)) == flat(grads), tuning + ": dropout: one key, one gradient");
    check(flat(it.gradients({mb}, 6)) != flat(grads), tuning + ": dropout: another key, another gradient");
    subject kept(path, s, precision::f32, -1);
    check(flat(kept.gradients({mb}, 5)) == flat(grads), tuning + ": dropout: recomputed and kept give the same bits");
    subject threads(path, s, precision::f32, 0, 3);
    check(flat(threads.gradients({mb}, 5)) == flat(grads), tuning + ": dropout: the same bits with three threads");
    const std::vector<std::vector<uint32_t>> rows = three_row_list();
    check_error(tuning + ": dropout: rows lose the same values in passes of their own", // sums in another order: as without dropout
                relative_distance(flat(it.gradients({batch_of({rows[2]}), batch_of({rows[0], rows[1]})}, 5)), flat(grads)), 1e-5);
    double worst = 0;
    for (int i = 0; i < it.params().count(); i++) {
        const std::vector<float> start = it.params().read(it.params().value(i));
        const double             len   = length(grads[i]);
        auto                     at    = [&](double step) {
            std::vector<float> moved = start;
            for (size_t k = 0; k < moved.size(); k++) {
                moved[k] += (float) (step * grads[i][k] / len);
            }
            it.params().write(it.params().value(i), moved.data(), moved.size());
            it.params().zero_grads();
            return it.run->accumulate_gradients(mb, 1.0f, 5).nats;
        };
        const double slope = (8 * (at(0.01) - at(-0.01)) - (at(0.02) - at(-0.02))) / 0.12;
        it.params().write(it.params().value(i), start.data(), start.size());
        worst = std::max(worst, std::fabs(slope - len) / (len + 0.3));
    }
    check_error(tuning + ": dropout: finite differences", worst, 1e-3); // steeper in fewer inputs, so a smaller step: seen 2e-4
    check(std::fabs(loss - it.run->evaluate(mb).nats) > 1e-3, tuning + ": dropout: evaluation drops nothing");
}

} // namespace

int main() {
    temporary_folder folder;
    for (const char * variant : {"llama", "llama-tied", "llama-mha", "llama3", "mistral", "qwen2", "qwen2-yarn", "qwen3", "gemma3",
                                 "gemma3-softcap", "phi3", "phi3-longrope"}) {
        fixtures::model_options o;
        o.variant              = variant;
        o.n_layer              = 2;
        const std::string path = fixture(folder, o);
        finite_differences(variant, path);
        batches(variant, path);
    }
    for (const char * variant : {"llama", "qwen2", "phi3"}) { // qwen2: biases; phi3: fused layers
        fixtures::model_options o;
        o.variant = variant;
        o.n_layer = 2;
        finite_differences(std::string(variant) + " dora", fixture(folder, o), "dora");
    }
    extra_loss(fixture(folder, {}));
    // Sequences longer than the attention kernels' tiles, with and without a window; a row of one supervised token.
    const micro_batch mixed = batch_of({random_row(31, 20, 190), random_row(32, 1, 1), random_row(33, 90, 40)});
    for (const char * variant : {"llama", "gemma3", "phi3"}) {
        fixtures::model_options o;
        o.variant = variant;
        along_the_gradient(std::string(variant) + " with rows of 210, 2 and 130 tokens", fixture(folder, o), mixed, 1e-3);
    }
    // A vocabulary that the head takes in several pieces, and more supervised tokens than it takes at a time.
    for (const char * variant : {"llama", "gemma3-softcap"}) {
        fixtures::model_options o;
        o.variant = variant;
        o.n_layer = 1;
        o.n_vocab = 40000;
        along_the_gradient(std::string(variant) + " with 40000 tokens in its vocabulary", fixture(folder, o),
                           batch_of({random_row(41, 5, 200), random_row(42, 5, 190)}), 1e-3);
    }
    fixtures::model_options o;
    o.n_layer              = 2;
    const std::string path = fixture(folder, o);
    masks(path);
    dropout(path, "lora");
    dropout(path, "dora");

    // Backward stops below the lowest adapted block and skips what is not adapted; what it gives is the same.
    method_settings all, some;
    all.lora_rank = some.lora_rank = 4;
    some.target_modules            = {"q", "v"};
    subject whole(path, all), part(path, some);
    // With B = 0 nothing of the other modules reaches the loss.
    for (subject * s : {&whole, &part}) {
        for (int i = 0; i < s->params().count(); i++) {
            const std::string & name = s->params().name(i);
            if (name.find("lora_b") != std::string::npos && name.find("attn_q.") == std::string::npos && name.find("attn_v.") == std::string::npos) {
                const std::vector<float> zeros(ggml_nelements(s->params().value(i)), 0.0f);
                s->params().write(s->params().value(i), zeros.data(), zeros.size());
            }
        }
    }
    const auto a = whole.gradients({three_rows()}), b = part.gradients({three_rows()});
    double     worst = 0;
    for (int i = 0; i < part.params().count(); i++) {
        for (int j = 0; j < whole.params().count(); j++) {
            if (whole.params().name(j) == part.params().name(i)) {
                worst = std::max(worst, relative_distance(b[i], a[j]));
            }
        }
    }
    check_error("q and v alone have the gradients that they have among all", worst, 1e-5);
    return result();
}
