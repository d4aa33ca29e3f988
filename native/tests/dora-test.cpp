// DoRA: it starts as the base to the bit, its file is no one else's, and what is folded into a model is what was trained.
#include <cmath>

#include "export/adapter-gguf.hpp"
#include "export/merge-gguf.hpp"
#include "export/peft-folder.hpp"
#include "export/safetensors.hpp"
#include "support/expect-error.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/engine.hpp"

using namespace forja;
using namespace forja::test;

namespace {

method_settings settings() {
    method_settings s;
    s.method    = "dora";
    s.lora_rank = 4;
    return s;
}

std::vector<float> logits(std::shared_ptr<model> base, method * tuning) {
    engine::options o;
    o.prec       = precision::f32;
    o.max_tokens = 64;
    return engine(base, tuning, o).logits(single_sequence(random_tokens(8, 40)));
}

double largest_difference(const std::vector<float> & x, const std::vector<float> & y) {
    double worst = x.size() == y.size() ? 0.0 : INFINITY;
    for (size_t i = 0; i < x.size() && i < y.size(); ++i) {
        worst = std::max(worst, std::fabs(static_cast<double>(x[i]) - y[i]));
    }
    return worst;
}

void run_case(const temporary_folder & folder, const char * variant, ggml_type type) {
    fixtures::model_options o;
    o.variant              = variant;
    o.type                 = type;
    const std::string path = fixture(folder, o), name = std::string(variant) + " " + fixtures::type_name(type) + ": ";
    const auto        base = open_model(path);
    const auto        m    = make_method(settings(), *base, true);
    m->init(3);
    const std::vector<float> plain = logits(base, nullptr);
    check(logits(base, m.get()) == plain && !m->changes_base(), name + "the start is the base, bit for bit");
    fill_adapter(*m);
    saved_tuning saved = m->saved();
    for (saved_tuning::tensor & t : saved.tensors) { // magnitudes that training has moved
        for (size_t i = 0; t.part == "dora_m" && i < t.values.size(); i++) {
            t.values[i] *= 1.0f + 0.1f * std::sin((float) i);
        }
    }
    m->load(saved);
    const std::vector<float> tuned = logits(base, m.get());
    check(largest_difference(tuned, plain) > 0.05 && m->changes_base(), name + "it matters");
    m->set_enabled(false);
    check(logits(base, m.get()) == plain, name + "disabled, the base is there, bit for bit");
    m->set_enabled(true);

    const std::string file = folder.path("dora.gguf"), merged = folder.path("merged.gguf");
    write_tuning(saved, file);
    const saved_tuning back = read_tuning(file);
    check(logits(base, method_from_saved(back, *base, false).get()) == tuned, name + "its file holds all of it");
    check(gguf_file::open(file)->str("adapter.type") == "forja-dora", name + "which llama.cpp does not take for a LoRA");
    merge_to_gguf(base->file(), saved, "f32", merged, 2, {}, {});
    // The same products in another order, amplified by the layers: as for LoRA's merge.
    check_error(name + "the merged model is the one that was trained", largest_difference(logits(open_model(merged), nullptr), tuned), 5e-4);
    check_fails("export_refused", "an adapter for llama.cpp", [&] { write_adapter_gguf(saved, folder.path("no.gguf")); });

    const std::string peft = folder.path(std::string("peft-") + variant);
    write_peft_folder(saved, base->file(), peft);
    size_t magnitudes = 0;
    for (const safetensor & t : read_safetensors(peft + "/adapter_model.safetensors")) {
        magnitudes += t.name.ends_with(".lora_magnitude_vector") && t.shape.size() == 1 ? 1 : 0;
    }
    const saved_tuning again = read_peft_folder(peft, base->file());
    bool               same  = again.tensors.size() == saved.tensors.size() && again.settings.method == "dora";
    for (const saved_tuning::tensor & t : saved.tensors) {
        const auto * u = again.find(t.site, t.part);
        same           = same && u != nullptr && u->values == t.values;
    }
    check(same && magnitudes == saved.sites().size(), name + "a PEFT folder holds all of it, with PEFT's names");
}

} // namespace

int main() {
    temporary_folder folder;
    run_case(folder, "llama", GGML_TYPE_F32);
    run_case(folder, "qwen2", GGML_TYPE_Q8_0); // biases, and weights that are not numbers as they lie
    return result();
}
