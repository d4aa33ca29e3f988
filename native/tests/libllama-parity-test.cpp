// Logits of our forward pass against libllama's, on every architecture variant and weight type, and on a real model.
//
// precision::f32 is libllama on the same weights in F32: what differs is how attention, norms and rotations are put together.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "data/tokenizer.hpp"
#include "export/adapter-gguf.hpp"
#include "peft/lora.hpp"
#include "support/libllama-reference.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/engine.hpp"

using namespace forja;
using namespace forja::test;

namespace {

std::vector<float> our_logits(const std::string & path, const std::vector<int32_t> & tokens, int max_seq_len, precision prec,
                              const std::string & adapter_path = "") {
    auto                    base = open_model(path, max_seq_len);
    std::unique_ptr<method> tuning;
    if (!adapter_path.empty()) {
        tuning = method_from_saved(read_tuning(adapter_path), *base, false);
    }
    engine::options o;
    o.prec       = prec;
    o.training   = false;
    o.max_tokens = (int64_t) tokens.size();
    engine e(base, tuning.get(), o);
    return e.logits(single_sequence(tokens));
}

// Errors are distances over the length of all logits as one vector.
// precision::f32: only the order of sums differs from libllama's on the same weights in F32; the relative error of an F32 sum of a few
// hundred terms is about 1e-7. Gemma: ggml's own GELU on the CPU is a table over F16 inputs (relative error 5e-4), ours is computed.
double exact_tolerance(const std::string & variant) { return variant.rfind("gemma", 0) == 0 ? 2e-3 : 2e-6; }

// Beside libllama on the file as it is, which rounds activations: to F16 or BF16 for these types, else to 8 bits, a step of 1/127 of a
// block's largest value. precision::f32 rounds none, so this is the rounding's own error; seen: up to 8e-4, 6e-3 and 3e-2.
double rounded_tolerance(ggml_type type) {
    switch (type) {
        case GGML_TYPE_F16: return 2e-3;
        case GGML_TYPE_BF16: return 2e-2;
        default: return 6e-2;
    }
}

} // namespace

int main() {
    temporary_folder folder;
    const auto       tokens = random_tokens(3, 48);

    for (const std::string & variant : fixtures::variants()) {
        for (ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0, GGML_TYPE_Q4_K}) {
            fixtures::model_options o;
            o.variant              = variant;
            o.type                 = type;
            const std::string path = fixture(folder, o), name = variant + " " + fixtures::type_name(type);
            const auto        ours = our_logits(path, tokens, 256, precision::f32);
            if (type == GGML_TYPE_F32) {
                check_error(name, relative_distance(ours, libllama_logits(path, tokens, 256)), exact_tolerance(variant));
                continue;
            }
            const std::string plain = folder.path("plain-" + variant + "-" + fixtures::type_name(type) + ".gguf");
            fixtures::write_model(o, fixtures::dequantised(fixtures::tiny_tensors(o)), plain);
            check_error(name + ", its weights in F32", relative_distance(ours, libllama_logits(plain, tokens, 256)), exact_tolerance(variant));
            check_error(name, relative_distance(ours, libllama_logits(path, tokens, 256)), rounded_tolerance(type));
        }
    }

    {
        fixtures::model_options o;
        o.variant              = "phi3-longrope";
        const std::string path = fixture(folder, o);
        const auto        brief = libllama_logits(path, tokens, 256), lengthy = libllama_logits(path, tokens, 512);
        check(relative_distance(brief, lengthy) > 0.05, "phi3-longrope: the fixture tells short from long factors");
        check_error("phi3-longrope f32, long factors", relative_distance(our_logits(path, tokens, 512, precision::f32), lengthy), 2e-6);
    }
    {
        fixtures::model_options o;
        const std::string       path = fixture(folder, o);
        const auto              many = random_tokens(4, 250);
        check_error("llama f32, 250 tokens", relative_distance(our_logits(path, many, 256, precision::f32), libllama_logits(path, many, 256)), 2e-6);
        const auto one = random_tokens(5, 2);
        check_error("llama f32, 2 tokens", relative_distance(our_logits(path, one, 256, precision::f32), libllama_logits(path, one, 256)), 2e-6);
    }

    // With an adapter on every module, as libllama applies it.
    for (const char * variant : {"llama", "qwen2", "qwen3", "gemma3", "phi3"}) {
        for (bool rslora : {false, true}) {
            fixtures::model_options o;
            o.variant                 = variant;
            const std::string path    = fixture(folder, o);
            const std::string adapter = folder.path(std::string(variant) + ".lora.gguf");
            method_settings   s;
            s.lora_rank  = 4;
            s.lora_alpha = 8;
            s.use_rslora = rslora;
            auto base    = open_model(path);
            auto tuning  = make_method(s, *base, false);
            fill_adapter(*tuning);
            write_adapter_gguf(tuning->saved(), adapter);
            const auto theirs = libllama_logits(path, tokens, 256, adapter);
            const auto ours   = our_logits(path, tokens, 256, precision::f32, adapter);
            const std::string name = std::string(variant) + (rslora ? " f32 + rank-stabilised adapter" : " f32 + adapter");
            check_error(name, relative_distance(ours, theirs), exact_tolerance(variant));
            check(relative_distance(theirs, libllama_logits(path, tokens, 256)) > 0.05, name + " changes the logits");
        }
    }

    const char * real = std::getenv("FORJA_SAMPLE_MODEL");
    if (!real || !*real) {
        std::printf("skipped: FORJA_SAMPLE_MODEL is not set, so no real model was compared\n");
    } else {
        const tokenizer t(real);
        const auto      words = t.begin("<|im_start|>user\nName the planets of the solar system in order from the sun.<|im_end|>\n"
                                             "<|im_start|>assistant\nMercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.<|im_end|>\n");
        // Its first blocks in F32, where nothing but the order of sums differs.
        const std::string plain = folder.path("real-f32.gguf");
        write_dequantised(real, 6, plain); // of Gemma 3, five local and one global
        const bool gelu = open_model(real)->hp().architecture.rfind("gemma", 0) == 0;
        check_error("real model, six blocks in F32", relative_distance(our_logits(plain, words, 512, precision::f32), libllama_logits(plain, words, 512)),
                    exact_tolerance(gelu ? "gemma3" : ""));
        const auto      ours = our_logits(real, words, 512, precision::f32), theirs = libllama_logits(real, words, 512);
        // The whole model as it is: in libllama 8-bit activations through all its layers.
        check_error("real model, " + std::to_string(words.size()) + " tokens", relative_distance(ours, theirs), 1e-1);
        // The default arithmetic: products with BF16 factors in place of 8-bit activations.
        check_error("real model, fast products", relative_distance(our_logits(real, words, 512, precision::fast), theirs), 1e-1);
        size_t       agree = 0;
        const size_t n_vocab = ours.size() / words.size();
        for (size_t i = 0; i < words.size(); i++) {
            const auto best = [&](const std::vector<float> & l) {
                const auto row = l.begin() + i * n_vocab;
                return std::max_element(row, row + n_vocab) - row;
            };
            agree += best(ours) == best(theirs);
        }
        // Near-ties may fall either way after 8-bit activations.
        check(agree * 10 >= words.size() * 9, "real model: the likeliest token agrees at " + std::to_string(agree) + " of " + std::to_string(words.size()) + " positions");
    }
    return result();
}
