// Every type that ggml can quantise to is a base: it loads, gives the loss and the gradients of its own dequantised weights,
// and learns.
#include <algorithm>
#include <cmath>

#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "ops/cpu/kernels.hpp"
#include "peft/lora.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/engine.hpp"
#include "train/trainer.hpp"

using namespace forja;
using namespace forja::test;

namespace {

struct outcome {
    double             loss;
    std::vector<float> gradient;
};

outcome gradient_of(const std::string & path, const micro_batch & mb, precision prec) {
    method_settings s;
    s.lora_rank     = 4;
    auto    base    = open_model(path);
    auto    tuning  = make_method(s, *base, true);
    fill_adapter(*tuning);
    engine::options o;
    o.prec       = prec;
    o.max_tokens = 128;
    engine  e(base, tuning.get(), o);
    outcome out;
    out.loss = e.accumulate_gradients(mb, 1.0f, 0).nats / (double) mb.labels.size();
    for (int i = 0; i < tuning->params().count(); i++) {
        const auto g = tuning->params().read(tuning->params().grad(i));
        out.gradient.insert(out.gradient.end(), g.begin(), g.end());
    }
    return out;
}

// Loss of three steps over the same four rows.
std::vector<double> three_steps(const temporary_folder & folder, const std::string & path) {
    const vocab_identity vocab = identify_vocab(*gguf_file::open(path));
    const std::string    rows  = folder.path("rows.fjt");
    token_file_writer    out(rows, vocab.n_vocab, vocab.vocab_hash);
    for (int i = 0; i < 4; i++) {
        const auto row = random_row(51 + i, 3, 10 + i);
        out.add_row(row.data(), row.size(), i);
    }
    out.finish();
    train_settings s;
    s.model_path        = path;
    s.train_tokens_path = rows;
    s.out_dir           = folder.path("out");
    s.method.lora_rank  = 4;
    s.learning_rate     = 0.01;
    s.warmup_ratio      = 0;
    s.max_steps         = 3;
    s.threads           = 1;
    std::vector<double> losses;
    train_observer      observer;
    observer.on_step = [&](const train_step & e) { losses.push_back(e.train_loss); };
    train_control control;
    run_training(s, observer, control);
    return losses;
}

void one_type(const temporary_folder & folder, const fixtures::model_options & o, bool learn) {
    const std::string path = folder.path("model.gguf"), plain = folder.path("dequantised.gguf"), name = o.variant + " " + fixtures::type_name(o.type);
    const auto        tensors = fixtures::tiny_tensors(o);
    fixtures::write_model(o, tensors, path);
    fixtures::write_model(o, fixtures::dequantised(tensors), plain);
    const micro_batch mb = batch_of({random_row(11, 4, 9), random_row(12, 2, 5), random_row(13, 6, 15)});

    check(open_model(path)->base_type() == o.type, name + ": loads");
    // precision::f32 multiplies the same weights, in F32, with activations that nobody rounded.
    // Fast products round activations: to F16 or BF16 for these types, to 8 bits for quantised ones where ggml multiplies, whose
    // largest error is 1/254 of a block's largest value, some 1e-2 of a typical one; attention's softmax makes 2e-2 to 9e-2 of it in
    // the gradients. A wrong scale or block order makes the loss that of another model, some tenths of a nat away, and the
    // gradient's distance about 1.
    const bool    quantised = ggml_is_quantized(o.type);
    const outcome want = gradient_of(plain, mb, precision::f32), got = gradient_of(path, mb, precision::f32), fast = gradient_of(path, mb, precision::fast);
    check(got.loss == want.loss && got.gradient == want.gradient, name + ": in F32 the loss and the gradients of its own weights, bit for bit");
    check_error(name + ": gradients with fast products", relative_distance(fast.gradient, want.gradient), quantised ? 1e-1 : 2e-2);

    if (!learn) {
        return;
    }
    for (cpu::isa lower : {cpu::isa::avx2, cpu::isa::avx512}) { // there our products are in F32, and some types' forward ones ggml's
        if (cpu::use_isa(lower)) {
            check_error(name + ": gradients with fast products on " + cpu::isa_name(lower),
                        relative_distance(gradient_of(path, mb, precision::fast).gradient, want.gradient), quantised ? 2e-1 : 2e-2);
            cpu::use_isa(cpu::best_isa());
        }
    }
    const auto losses = three_steps(folder, path);
    check(losses.size() == 3 && std::isfinite(losses[0]) && losses[2] < losses[1] && losses[1] < losses[0],
          name + ": learns, " + std::to_string(losses.at(0)) + " to " + std::to_string(losses.at(2)));
}

} // namespace

int main() {
    temporary_folder folder;
    for (ggml_type type : fixtures::weight_types()) {
        fixtures::model_options o;
        o.type    = type;
        o.n_layer = 1;
        one_type(folder, o, true);
    }
    // Fused layers, tied heads and the other shapes, with a type of each family.
    for (const char * variant : {"qwen2", "qwen3", "gemma3", "phi3"}) {
        for (ggml_type type : {GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0, GGML_TYPE_Q4_K}) {
            fixtures::model_options o;
            o.variant = variant;
            o.type    = type;
            o.n_layer = 2;
            one_type(folder, o, false);
        }
    }
    return result();
}
