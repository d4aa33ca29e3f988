// What a training step would have to do elsewhere: for each architecture and each type of weights, every graph is built (not run)
// and each operation asked for. Nothing may be left for the host but what is written down here. Asked are the CPU in the part of a
// device, CUDA by its own rules (support/cuda-rules.hpp), and the devices of this machine.
#include <cstdio>
#include <map>
#include <set>

#include "optim/adamw.hpp"
#include "support/cuda-rules.hpp"
#include "support/device-cases.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/engine.hpp"

using namespace forja;
using namespace forja::test;

namespace {

// Types of which a backend lacks something, and why that stays.
const std::map<std::string, std::map<ggml_type, std::string>> exceptions{
    {"CUDA",
     {{GGML_TYPE_TQ1_0, "ternary: no product on CUDA, so not even a forward pass"},
      {GGML_TYPE_TQ2_0, "ternary: no product on CUDA, so not even a forward pass"},
      {GGML_TYPE_NVFP4, "a product but neither get_rows nor a copy to F32: dequantised by the host"}}},
    {"Vulkan", {{GGML_TYPE_TQ1_0, "ternary: no product on Vulkan, so not even a forward pass"}}},
};

// Everything that one step of one model would not do on the device.
std::set<std::string> elsewhere(std::shared_ptr<model> base, precision prec) {
    method_settings s;
    s.lora_rank    = 4;
    s.lora_dropout = 0.1; // its mask is part of the graph
    auto            tuning = make_method(s, *base, true);
    engine::options o;
    o.prec       = prec;
    o.max_tokens = 64;
    engine                e(base, tuning.get(), o);
    std::set<std::string> out;
    auto                  ask = [&](graph & g) {
        for (const std::string & what : g.host_work()) {
            out.insert(what);
        }
    };
    // Two rows: sequences are joined; one supervised token only: products with a single column.
    e.look(batch_of({random_row(1, 4, 20), random_row(2, 2, 9)}), ask);
    e.look(batch_of({random_row(3, 5, 1)}), ask);
    const float settings[7] = {};
    {
        graph g(e.runner(), true);
        add_square_sums(g, tuning->params());
        ask(g);
    }
    graph g(e.runner(), true);
    add_adamw(g, tuning->params(), 0.5, settings);
    ask(g);
    return out;
}

void whole_list(const temporary_folder & folder, const std::string & backend, std::shared_ptr<device> dev) {
    int asked = 0, left = 0;
    for (ggml_type type : fixtures::weight_types()) {
        for (const std::string & variant : fixtures::variants()) {
            // Every type with the two kinds of layers, separate and fused; every architecture with a type of each family.
            const bool all_variants = type == GGML_TYPE_F32 || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16 || type == GGML_TYPE_Q8_0 || type == GGML_TYPE_Q4_K;
            if (!all_variants && variant != "llama" && variant != "phi3") {
                continue;
            }
            fixtures::model_options f;
            f.variant              = variant;
            f.type                 = type;
            f.zeros                = true;
            const std::string path = fixture(folder, f);
            const auto        base = model::load(gguf_file::open(path), dev, 256, false);
            for (precision prec : {precision::fast, precision::f32}) {
                const auto list = elsewhere(base, prec);
                asked++;
                const auto excepted = exceptions.find(backend);
                if (excepted != exceptions.end() && excepted->second.count(type)) {
                    left++;
                    check(!list.empty(), backend + " still lacks something for " + ggml_type_name(type));
                    continue;
                }
                for (const std::string & what : list) {
                    check(false, backend + ": " + variant + " " + ggml_type_name(type) + ": left for the host: " + what);
                }
            }
        }
    }
    check(asked > 100, backend + " on " + dev->name() + ": " + std::to_string(asked) + " steps asked, of which " + std::to_string(left) + " are written down as exceptions");
    const auto excepted = exceptions.find(backend);
    if (excepted != exceptions.end()) {
        for (const auto & [type, why] : excepted->second) {
            std::printf("     %s: %s: %s\n", backend.c_str(), ggml_type_name(type), why.c_str());
        }
    }
}

// The list itself: it names what is missing, and nothing else.
void list_making() {
    temporary_folder folder;
    const auto       path = fixture(folder, {});
    auto             with = [&](std::function<bool(const ggml_tensor *)> rules) { return elsewhere(model::load(gguf_file::open(path), device::open_emulated(1, std::move(rules)), 256, false), precision::f32); };
    check(with([](const ggml_tensor * op) { return op->op != GGML_OP_SOFT_MAX; }) == std::set<std::string>{"SOFT_MAX f32", "SOFT_MAX f32, f32"}, "a missing SOFT_MAX is told, with and without mask");
    check(with([](const ggml_tensor * op) { return op->op != GGML_OP_OPT_STEP_ADAMW; }).size() == 1, "so is the optimiser's operation");
    check(with([](const ggml_tensor *) { return true; }).empty(), "nothing is told where all is there");
    fixtures::model_options f;
    f.type            = GGML_TYPE_Q8_0;
    const auto quantised = fixture(folder, f);
    const auto list      = elsewhere(model::load(gguf_file::open(quantised), device::open_emulated(1, [](const ggml_tensor * op) {
        return !((op->op == GGML_OP_GET_ROWS || op->op == GGML_OP_CPY) && op->src[0]->type == GGML_TYPE_Q8_0);
    }), 256, false), precision::fast);
    check(list == std::set<std::string>{"dequantising q8_0"}, "dequantising on the host is told");
}

} // namespace

int main(int argc, char ** argv) {
    temporary_folder folder; // the fixtures serve every device
    return device_test(argc, argv, {"all graphs"},
        [&] {
            list_making();
            whole_list(folder, "the CPU", device::open_emulated(1));
            whole_list(folder, "CUDA", device::open_emulated(1, cuda_supports));
        },
        [&](size_t, const device_info & d) { whole_list(folder, d.backend, device::open(d.name, 1)); });
}
