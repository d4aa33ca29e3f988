// The same step on a device as on the CPU: loss, gradients, an optimiser step. On the CPU in the part of a device, and on the devices
// of this machine; software Vulkan is enough to run the device path: ggml operations only, weights and activations in device memory,
// nothing computed on the CPU inside a block.
#include <algorithm>
#include <cmath>

#include "fixtures/any-model.hpp"
#include "optim/adamw.hpp"
#include "support/device-cases.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/engine.hpp"

using namespace forja;
using namespace forja::test;

namespace {

struct outcome {
    double             loss, norm;
    std::vector<float> grads, values;
};

outcome one_step(const std::string & path, std::shared_ptr<device> dev, const micro_batch & mb, precision prec, double lora_dropout, const std::string & tuning, bool weighted) {
    auto                    base = model::load(gguf_file::open(path), dev, 256, true);
    method_settings         s;
    s.lora_rank    = 4;
    s.lora_dropout = lora_dropout;
    s.method       = tuning;
    std::unique_ptr<method> m = make_method(s, *base, true);
    fill_adapter(*m);
    engine::options o;
    o.prec       = prec;
    o.max_tokens = mb.n_tokens();
    o.score_bytes = 0; // attention in the smallest tiles, so that the longer row has two
    engine  e(base, m.get(), o);
    outcome out;
    m->params().zero_grads();
    const float            scale = 1.0f / (float) mb.labels.size();
    const token_weights_fn weigh = [&](const std::vector<float> & nats) { // as a preference has them: the second row is to become less likely
        std::vector<float> w(nats.size(), 1.5f);
        std::fill(w.begin() + mb.sup_start[1], w.end(), -0.5f);
        return w;
    };
    const batch_loss l = weighted ? e.accumulate_gradients(mb, weigh, scale, 0) : e.accumulate_gradients(mb, scale, 0);
    out.loss           = l.nats / (double) l.n_tokens;
    out.grads          = m->params().read(m->params().grads());
    out.norm           = global_grad_norm(e.runner(), m->params());
    adamw_settings a;
    a.weight_decay  = 0.1;
    a.max_grad_norm = out.norm / 2; // so that clipping takes part
    adamw_step(e.runner(), m->params(), a, 1e-3, 1, out.norm);
    out.values = m->params().read(m->params().values());
    return out;
}

struct base_case {
    std::string  variant; // of the tiny model, or is_any()
    ggml_type    type;
    bool         wide; // rows of 256, for the K types
    precision    prec         = precision::f32;
    double       lora_dropout = 0;
    std::string  tuning       = "lora";
    bool         weighted     = false;
};
// The kinds of weights and products; then every architecture that has none here, with the shapes of the first case.
const std::vector<base_case> & cases() {
    static const std::vector<base_case> all = [] {
        std::vector<base_case> out{
            {"llama", GGML_TYPE_F32, false},       {"qwen3", GGML_TYPE_F32, false}, {"gemma3-softcap", GGML_TYPE_F32, false},
            {"phi3-longrope", GGML_TYPE_F32, false}, {"qwen2", GGML_TYPE_F16, true},  {"llama-tied", GGML_TYPE_Q8_0, true},
            {"llama", GGML_TYPE_Q4_0, false},      {"llama3", GGML_TYPE_Q4_K, true},
            {"llama", GGML_TYPE_F32, false, precision::fast}, {"phi3", GGML_TYPE_F16, true, precision::fast},
            {"qwen3", GGML_TYPE_BF16, true, precision::fast}, {"llama3", GGML_TYPE_Q4_K, true, precision::fast},
            {"llama", GGML_TYPE_F32, false, precision::f32, 0.2},
            {"qwen2", GGML_TYPE_F16, true, precision::f32, 0.2, "dora"},
            {"llama", GGML_TYPE_Q4_0, false, precision::f32, 0, "lora", true}, {"gemma3-softcap", GGML_TYPE_F32, false, precision::f32, 0, "lora", true},
            {"qwen3moe-experts", GGML_TYPE_F32, false}, {"gpt-oss-experts", GGML_TYPE_F32, false},
            {"qwen3moe-experts", GGML_TYPE_F32, false, precision::fast},
            {"lfm2", GGML_TYPE_F32, false}, {"qwen35", GGML_TYPE_F32, false}, {"qwen3next-experts", GGML_TYPE_F32, false},
        };
        for (const std::string & variant : fixtures::variants()) {
            if (std::none_of(out.begin(), out.end(), [&](const base_case & c) { return c.variant == variant; })) {
                out.push_back({variant, GGML_TYPE_F32, false});
            }
        }
        return out;
    }();
    return all;
}

std::string name_of(const base_case & c) {
    return c.variant + " " + ggml_type_name(c.type) + (c.prec == precision::fast ? " fast" : "") + (c.lora_dropout > 0 ? " dropout" : "") + (c.tuning == "lora" ? "" : " " + c.tuning) + (c.weighted ? " weighted" : "");
}

// Whether it is one of fixtures::trainable_architectures(), by its name there.
bool is_any(const std::string & variant) { return variant.ends_with("-experts") || variant == "lfm2" || variant == "qwen35"; }

std::string any_model(const temporary_folder & folder, const std::string & name) {
    for (const fixtures::any_model_options & any : fixtures::trainable_architectures()) {
        if (any.name() == name) {
            fixtures::write_any_model(any, folder.path("any.gguf"));
        }
    }
    return folder.path("any.gguf");
}

void run_case(const base_case & c, std::shared_ptr<device> other) {
    temporary_folder        folder;
    // A row longer than a delta net's chunk where there is one.
    const micro_batch       mb = batch_of({random_row(1, 4, is_any(c.variant) && c.variant.starts_with("qwen3") ? 90 : 20), random_row(2, 2, 9)});
    fixtures::model_options o;
    o.variant              = c.variant;
    o.type                 = c.type;
    o.n_layer              = 2;
    o.wide                 = c.wide;
    const std::string path = is_any(c.variant) ? any_model(folder, c.variant) : fixture(folder, o);
    const outcome     ref  = one_step(path, cpu(), mb, precision::f32, c.lora_dropout, c.tuning, c.weighted);
    const outcome     dev  = one_step(path, other, mb, c.prec, c.lora_dropout, c.tuning, c.weighted);
    const std::string what = name_of(c) + " on " + other->name() + ": ";
    // Emulated in F32: the same products, sums in another order. ggml's Vulkan products round both factors to F16 (2^-11) in shared
    // memory where the device has F16, CUDA's F32 ones to TF32, as wide. Fast products round weights and gradients to BF16 (2^-9), and
    // activations to 8 bits where ggml multiplies a quantised weight, which the gradients of so small a model feel most.
    const bool   f32 = c.prec == precision::f32, exact = f32 && other->is_emulated();
    const double loss = exact ? 1e-6 : f32 ? 1e-3 : 1e-2, gradients = exact ? 2e-5 : f32 ? 1e-2 : 1e-1;
    check_error(what + "loss", std::abs(dev.loss - ref.loss) / ref.loss, loss);
    check_error(what + "gradients", relative_distance(dev.grads, ref.grads), gradients);
    check_error(what + "gradient norm", std::abs(dev.norm - ref.norm) / ref.norm, gradients / 2);
    // Adam's first step has the size of the learning rate whatever the gradient's.
    check_error(what + "parameters after a step", relative_distance(dev.values, ref.values), 1e-2);
}

} // namespace

int main(int argc, char ** argv) {
    std::vector<std::string> names;
    for (const base_case & c : cases()) {
        names.push_back(name_of(c));
    }
    return device_test(argc, argv, names,
        [] {
            for (const base_case & c : cases()) {
                run_case(c, device::open_emulated(1));
            }
        },
        [](size_t i, const device_info & d) { run_case(cases()[i], device::open(d.name, 1)); });
}
