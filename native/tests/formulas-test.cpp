// What has a formula, against the formula: learning rates, parameter counts, the loss, AdamW, LoRA's start.
#include <cmath>
#include <set>

#include "optim/adamw.hpp"
#include "optim/schedule.hpp"
#include "peft/lora.hpp"
#include "train/input-noise.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/engine.hpp"

using namespace forja;
using namespace forja::test;

namespace {

void schedules() {
    const auto rate = [](const char * kind, int64_t warmup, int64_t total, int64_t step) {
        return learning_rate_at({1.0, kind, warmup, total}, step);
    };
    const auto near = [](double a, double b) { return std::fabs(a - b) < 1e-12; };
    // Warmup k / w from zero, then the rest in N - w steps; step s has k = s - 1.
    check(near(rate("linear", 4, 12, 1), 0.0) && near(rate("linear", 4, 12, 2), 0.25) && near(rate("linear", 4, 12, 4), 0.75), "linear: warmup");
    check(near(rate("linear", 4, 12, 5), 1.0) && near(rate("linear", 4, 12, 6), 7.0 / 8) && near(rate("linear", 4, 12, 12), 1.0 / 8), "linear: decay");
    check(near(rate("cosine", 4, 12, 5), 1.0) && near(rate("cosine", 4, 12, 9), 0.5) && near(rate("cosine", 4, 12, 7), 0.5 * (1 + std::sqrt(0.5))), "cosine: decay");
    check(near(rate("constant", 4, 12, 2), 0.25) && near(rate("constant", 4, 12, 5), 1.0) && near(rate("constant", 4, 12, 12), 1.0), "constant: after warmup");
    check(near(rate("linear", 0, 10, 1), 1.0) && near(rate("cosine", 0, 10, 1), 1.0) && near(rate("constant", 0, 10, 1), 1.0), "no warmup: the first step has the full rate");
    check(near(rate("linear", 10, 10, 10), 0.9) && std::isfinite(rate("cosine", 20, 10, 10)), "a warmup of the whole run and longer");
    check(near(rate("linear", 0, 1, 1), 1.0), "a run of one step");
    check(warmup_of(0, 0.03, 100) == 3 && warmup_of(0, 0.03, 101) == 4 && warmup_of(7, 0.5, 100) == 7 && warmup_of(0, 0.0, 100) == 0, "warmup by steps or ratio");
    check(warmup_of(0, 0.03, 1) == 0 && warmup_of(5, 0.0, 1) == 0 && warmup_of(0, 1.0, 2) == 2 && rate("linear", 2, 2, 2) == 0.5, "a run of one step has no warmup");
    bool decays = true, positive = true;
    for (int64_t s = 1; s <= 100; s++) {
        for (const char * kind : {"linear", "cosine"}) {
            decays &= s == 1 || rate(kind, 0, 100, s) < rate(kind, 0, 100, s - 1);
            positive &= rate(kind, 0, 100, s) > 0;
        }
    }
    check(decays && positive, "linear and cosine fall with every step and do not reach zero before the end");
}

// r (n_in + n_out) for each adapted matrix, from the model's shape.
int64_t expected_count(const fixtures::model_shape & s, int64_t r, const std::set<std::string> & targets) {
    const int64_t n_q = (int64_t) s.n_head * s.head_dim, n_kv = (int64_t) s.n_head_kv * s.head_dim, E = s.n_embd, F = s.n_ff;
    const auto    has = [&](const char * m) { return targets.count(m) > 0; };
    int64_t       n   = 0;
    if (s.fused) {
        n += has("q") || has("k") || has("v") ? E + n_q + 2 * n_kv : 0;
        n += has("gate") || has("up") ? E + 2 * F : 0;
    } else {
        n += has("q") ? E + n_q : 0;
        n += (has("k") ? E + n_kv : 0) + (has("v") ? E + n_kv : 0);
        n += (has("gate") ? E + F : 0) + (has("up") ? E + F : 0);
    }
    n += has("o") ? n_q + E : 0;
    n += has("down") ? F + E : 0;
    return r * n * s.n_layer;
}

void counts(const temporary_folder & folder) {
    for (const std::string & variant : fixtures::variants()) {
        fixtures::model_options o;
        o.variant       = variant;
        const auto base = open_model(fixture(folder, o));
        for (const std::vector<std::string> & targets :
             {std::vector<std::string>{"q", "k", "v", "o", "gate", "up", "down"}, {"q", "v"}, {"down"}, {"k", "up"}, {"q", "k"}}) {
            method_settings s;
            s.lora_rank      = 5;
            s.target_modules = targets;
            const auto    m    = make_method(s, *base, false);
            const int64_t want = expected_count(fixtures::shape_of(o), 5, {targets.begin(), targets.end()});
            std::string   names;
            for (const std::string & t : targets) {
                names += (names.empty() ? "" : ",") + t;
            }
            check(m->params().n_params() == want && count_lora_params(*base, 5, targets) == want && m->saved().n_params() == want,
                  variant + " " + names + ": " + std::to_string(want) + " trainable parameters");
        }
    }
}

// Gaussian starts have deviation 1 / r; noise is uniform within alpha / sqrt(L n) for a row of L tokens, and zero for none.
void random_numbers(const temporary_folder & folder) {
    const auto      base = open_model(fixture(folder, {}));
    method_settings s;
    s.lora_rank         = 16;
    s.init_lora_weights = "gaussian";
    const auto m        = make_method(s, *base, false);
    m->init(1);
    double sum = 0, square = 0, fourth = 0, n = 0;
    for (const saved_tuning::tensor & t : m->saved().tensors) {
        for (size_t i = 0; t.part == "lora_a" && i < t.values.size(); i++, n++) {
            const double v = 16.0 * t.values[i];
            sum += v;
            square += v * v;
            fourth += v * v * v * v;
        }
    }
    // Of a normal distribution: 0, 1 and 3, here of 12000 values and more.
    check(std::fabs(sum / n) < 0.04 && std::fabs(square / n - 1) < 0.06 && std::fabs(fourth / n - 3) < 0.4, "gaussian: A is normal with deviation 1 / r");

    const micro_batch  mb = batch_of({random_row(1, 5, 20), random_row(2, 5, 95)});
    constexpr size_t   width = 64;
    std::vector<float> noise(width * mb.tokens.size(), 0.0f), same = noise, none = noise;
    add_input_noise(noise, mb, 10, 7);
    add_input_noise(same, mb, 10, 7);
    add_input_noise(none, mb, 0, 7);
    bool   within = true;
    double of_row[2] = {0, 0};
    for (int row = 0; row < 2; row++) {
        const double length = mb.seq_start[row + 1] - mb.seq_start[row], bound = 10 / std::sqrt(length * width);
        for (size_t i = mb.seq_start[row] * width; i < mb.seq_start[row + 1] * width; i++) {
            within &= std::fabs(noise[i]) <= bound;
            of_row[row] += noise[i] * noise[i] / (bound * bound) / (length * width);
        }
    }
    check(within && std::fabs(of_row[0] - 1.0 / 3) < 0.03 && std::fabs(of_row[1] - 1.0 / 3) < 0.03, "noise is uniform within alpha / sqrt(L n) of each row");
    check(noise == same && none == std::vector<float>(none.size(), 0.0f), "the same key, the same noise; none for 0");
}

// The mean over supervised tokens of log sum exp(logits) - logit of the token, in double, from the logits.
void loss(const temporary_folder & folder) {
    for (const char * variant : {"llama", "gemma3-softcap"}) {
        fixtures::model_options o;
        o.variant = variant;
        const auto      base = open_model(fixture(folder, o));
        engine::options eo;
        eo.prec       = precision::f32;
        eo.training   = false;
        eo.max_tokens = 128;
        engine            e(base, nullptr, eo);
        const micro_batch mb     = batch_of({random_row(11, 4, 9), random_row(12, 2, 5), random_row(13, 6, 15)});
        const auto        logits = e.logits(mb);
        const size_t      V      = base->hp().n_vocab;
        double            want   = 0;
        for (size_t i = 0; i < mb.labels.size(); i++) {
            const float * row = logits.data() + mb.sup_index[i] * V;
            double        sum = 0;
            for (size_t v = 0; v < V; v++) {
                sum += std::exp((double) row[v]);
            }
            want += std::log(sum) - row[mb.labels[i]];
        }
        const batch_loss got = e.evaluate(mb);
        check(got.n_tokens == 29 && mb.labels.size() == 29, std::string(variant) + ": the supervised tokens are counted, and no other");
        check_error(std::string(variant) + ": loss from the logits", std::fabs(got.nats - want) / want, 1e-6);
    }
}

// In the first micro-batch the rows' tokens and marks are what was given; a row is cut at its end.
void truncation() {
    micro_batch mb;
    const auto  row = random_row(1, 6, 10);
    check(!append_row(mb, row.data(), row.size(), 6) && mb.tokens.empty(), "a row whose answer is cut off is refused and leaves nothing");
    check(append_row(mb, row.data(), row.size(), 8) && mb.tokens.size() == 8 && mb.labels.size() == 2, "a row is cut at its end");
    check(append_row(mb, row.data(), row.size(), 100) && mb.n_seq() == 2 && mb.seq_start == std::vector<int32_t>({0, 8, 24}), "rows lie back to back");
    check(mb.positions[8] == 0 && mb.sup_index[2] == 8 + 5 && mb.labels[2] == (int32_t) (row[6] & 0x7fffffff), "positions begin anew, labels follow");
    std::vector<uint32_t> first = {5u | 0x80000000u};
    micro_batch           one;
    check(!append_row(one, first.data(), 1, 10), "nothing predicts a first token");
}

// A uniform in ± 1 / sqrt(n_in) (Kaiming with a = sqrt(5)), B zero: the tuned model is the base, to the bit.
void start(const temporary_folder & folder) {
    for (const char * variant : {"llama", "gemma3", "phi3"}) {
        fixtures::model_options o;
        o.variant       = variant;
        const auto base = open_model(fixture(folder, o));
        method_settings s;
        s.lora_rank = 16;
        const auto m = make_method(s, *base, true), other = make_method(s, *base, true);
        m->init(1);
        other->init(2);
        bool   zero = true, within = true, differs = false;
        double sum = 0, square = 0, n = 0;
        const saved_tuning started = m->saved(), other_started = other->saved();
        for (const std::string & site : started.sites()) {
            const auto & a     = *started.find(site, "lora_a");
            const double bound = 1.0 / std::sqrt((double) a.ne0);
            for (float v : a.values) {
                within &= std::fabs(v) <= bound;
                sum += v / bound;
                square += (v / bound) * (v / bound);
                n++;
            }
            for (float v : started.find(site, "lora_b")->values) {
                zero &= v == 0.0f;
            }
            differs |= other_started.find(site, "lora_a")->values != a.values;
        }
        check(zero, std::string(variant) + ": B is zero");
        // Of a uniform distribution on (-1, 1): mean 0, mean square 1/3; 12000 values and more have these within 0.02.
        check(within && std::fabs(sum / n) < 0.02 && std::fabs(square / n - 1.0 / 3) < 0.02, std::string(variant) + ": A is uniform within 1 / sqrt(n_in)");
        check(differs, std::string(variant) + ": another seed, another start");
        for (precision prec : {precision::f32, precision::fast}) {
            engine::options eo;
            eo.prec       = prec;
            eo.max_tokens = 64;
            engine      tuned(base, m.get(), eo), plain(base, nullptr, eo);
            const auto  mb = single_sequence(random_tokens(8, 40));
            check(tuned.logits(mb) == plain.logits(mb), std::string(variant) + ": with B = 0 the tuned model is the base, bit for bit");
        }
    }
}

// Three steps beside the same in double. Source: Loshchilov and Hutter 2019, algorithm 2. With a ratio B's rate is that times A's:
// Hayou, Ghosh and Yu 2024 (LoRA+), and PEFT's create_loraplus_optimizer.
void adamw(const temporary_folder & folder, std::shared_ptr<device> dev, double lora_plus_ratio) {
    fixtures::model_options o;
    const auto      base = model::load(gguf_file::open(fixture(folder, o)), dev, 256, true);
    method_settings ms;
    ms.lora_rank       = 4;
    ms.lora_plus_ratio = lora_plus_ratio;
    const auto m = make_method(ms, *base, true);
    fill_adapter(*m);
    parameter_store & p = m->params();
    check(p.rates().size() == (lora_plus_ratio == 1 ? 1 : (size_t) p.count()), "parameters of one rate are stepped at once");
    graph_runner      runner(base->device_ptr(), precision::f32);
    adamw_settings    s;
    s.weight_decay  = 0.1;
    s.max_grad_norm = 1.0;
    s.adam_beta2    = 0.98;

    std::vector<std::vector<double>> value(p.count()), m1(p.count()), m2(p.count());
    for (int i = 0; i < p.count(); i++) {
        const auto v = p.read(p.value(i));
        value[i].assign(v.begin(), v.end());
        m1[i].assign(v.size(), 0.0);
        m2[i].assign(v.size(), 0.0);
    }
    double worst = 0, norm_error = 0;
    for (int step = 1; step <= 3; step++) {
        // Gradients of very different sizes; the second step's are small enough not to be clipped.
        double square = 0;
        std::vector<std::vector<float>> grads;
        for (int i = 0; i < p.count(); i++) {
            auto g = adapter_values(p.name(i), ggml_nelements(p.value(i)), 100 + step);
            for (float & x : g) {
                x *= step == 2 ? 1e-3f : 1.0f;
                square += (double) x * x;
            }
            p.write(p.grad(i), g.data(), g.size());
            grads.push_back(g);
        }
        const double norm = std::sqrt(square), got = global_grad_norm(runner, p);
        norm_error        = std::max(norm_error, std::fabs(got / norm - 1));
        const double clip = std::min(1.0, s.max_grad_norm / (norm + 1e-6)), rate = 0.01 * step;
        check((clip < 1) == (step != 2), "AdamW step " + std::to_string(step) + (clip < 1 ? " is clipped" : " is not clipped"));
        adamw_step(runner, p, s, rate, step, got);
        for (int i = 0; i < p.count(); i++) {
            const auto now = p.read(p.value(i));
            for (size_t k = 0; k < now.size(); k++) {
                const double g = clip * grads[i][k];
                m1[i][k]       = s.adam_beta1 * m1[i][k] + (1 - s.adam_beta1) * g;
                m2[i][k]       = s.adam_beta2 * m2[i][k] + (1 - s.adam_beta2) * g * g;
                const double mh = m1[i][k] / (1 - std::pow(s.adam_beta1, step)), vh = m2[i][k] / (1 - std::pow(s.adam_beta2, step));
                const double own = rate * (p.name(i).ends_with(".lora_b") ? lora_plus_ratio : 1);
                value[i][k] -= own * (mh / (std::sqrt(vh) + s.adam_epsilon) + s.weight_decay * value[i][k]);
                worst = std::max(worst, std::fabs(now[k] - value[i][k]));
            }
        }
    }
    check_error("the gradients' global norm", norm_error, 1e-6);
    // Values of 0.1 moved by 0.06 in all: a few roundings of F32 (6e-8 of the value each), in the quotient above all.
    check_error("AdamW over three steps, B learning " + std::to_string((int) lora_plus_ratio) + " times as fast" + (dev->is_cpu() ? "" : ", on a device"), worst, 1e-6 * std::max(1.0, lora_plus_ratio));
}

} // namespace

int main() {
    temporary_folder folder;
    schedules();
    random_numbers(folder);
    counts(folder);
    loss(folder);
    truncation();
    start(folder);
    adamw(folder, device::open("cpu", 2), 1);
    adamw(folder, device::open("cpu", 2), 16);
    adamw(folder, device::open_emulated(1), 16);
    return result();
}
