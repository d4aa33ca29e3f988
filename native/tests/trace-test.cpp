// The program that is traced from a model file.
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "fixtures/any-model.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "trace/program-json.hpp"
#include "trace/trace.hpp"

using namespace forja;
using namespace forja::test;

namespace {

trace::program traced(const std::string & path, int max_seq_len = 256) { return trace::trace_model(*gguf_file::open(path), max_seq_len); }

std::string roles_of(const model & m, int block) {
    std::string out;
    for (const site & s : m.sites()) {
        if (s.block == block) {
            out += (out.empty() ? "" : " ") + s.role;
        }
    }
    return out;
}

std::vector<int> windows_of(const trace::program & p) {
    std::vector<int> out;
    for (const trace::part & b : p.blocks) {
        for (const trace::step & s : b.steps) {
            if (s.kind == trace::step_kind::attention) {
                out.push_back(s.how.n_swa);
            }
        }
    }
    return out;
}

void refused(const std::string & what, const std::string & code, const std::string & path) {
    try {
        traced(path);
        check(false, what + " is refused");
    } catch (const error & e) {
        check(e.code == code, what + " is refused as " + code + " (" + e.code + ": " + e.what() + ")");
    }
}

} // namespace

int main() {
    cpu();
    temporary_folder folder;
    auto tiny = [&](const char * variant) {
        fixtures::model_options o;
        o.variant = variant;
        return fixture(folder, o);
    };
    auto any = [&](fixtures::any_model_options o, const char * name) {
        const std::string path = folder.path(name);
        fixtures::write_any_model(o, path);
        return path;
    };

    for (const std::string & variant : fixtures::variants()) {
        const nlohmann::json j = trace::to_json(traced(tiny(variant.c_str())));
        check(trace::to_json(trace::program_from_json(j)) == j && !j.at("blocks").empty(), variant + ": a program is the same after JSON");
    }
    check(roles_of(*open_model(tiny("llama")), 1) == "q k v o gate up down", "llama's sites");
    check(roles_of(*open_model(tiny("phi3")), 0) == "q,k,v o gate,up down", "phi3's sites are fused");

    // Windows are longer than the graphs that are captured; the number comes from the metadata, who has one from the masks.
    const std::string gemma = any({"gemma3", {}, {{"attention.sliding_window", 4096}}, {}}, "gemma3-4096.gguf");
    check(windows_of(traced(gemma)) == std::vector<int>({4096, 4096}), "a window of 4096 tokens on gemma3's local layers");
    check(windows_of(traced(any({"gemma2", {}, {{"attention.sliding_window", 20}}, {}}, "gemma2.gguf"))) == std::vector<int>({20, 0}), "gemma2's layers take turns");
    check(windows_of(traced(tiny("llama"))) == std::vector<int>({0, 0}), "llama has no window");

    auto factors = [&](int max_seq_len) {
        const trace::program p = traced(tiny("phi3-longrope"), max_seq_len);
        for (const trace::step & s : p.blocks[0].steps) {
            if (s.kind == trace::step_kind::rope) {
                return s.weight;
            }
        }
        return std::string();
    };
    check(factors(16) == "rope_factors_short.weight" && factors(4096) == "rope_factors_long.weight", "long factors for long rows");

    const trace::program gpt2 = traced(any({"gpt2", {}, {{"attention.head_count_kv", 4}}, {}}, "gpt2.gguf"));
    check(gpt2.prologue.steps.size() == 2 && gpt2.prologue.steps[0].by_position, "gpt2's positions are added before the first block");
    const trace::program granite = traced(any({"granite", {{"logit_scale", 4.0}, {"embedding_scale", 3.0}}, {}, {}}, "granite.gguf"));
    check(granite.embedding_scale == 3.0f && granite.epilogue.steps.back().factor == 0.25f, "granite's factors are on the embeddings and before the head");

    refused("a model with slopes in its attention", "architecture_unsupported", any({"bloom", {}, {{"attention.head_count_kv", 4}}, {}}, "bloom.gguf"));
    // q, k and v are optional to libllama, which then multiplies by nothing.
    refused("a file that libllama crashes on", "model_unsupported", any({"phi3", {}, {{"rope.dimension_count", 16}}, {}}, "phi3.gguf"));
    return result();
}
