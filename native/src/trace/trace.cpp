#include "trace/trace.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "base/apart.hpp"
#include "base/error.hpp"
#include "trace/capture.hpp"
#include "trace/program-json.hpp"
#include "trace/recognise.hpp"

namespace forja::trace {
using nlohmann::json;

namespace {

/// JSON has no infinity and no NaN: such a number of the file came back as null, where the graph computes with it.
[[noreturn]] void refuse_number(const gguf_file & file) {
    std::string key = "of a number that the model computes with";
    for (int64_t k = 0; k < gguf_get_n_kv(file.meta()); ++k) {
        const gguf_type type = gguf_get_kv_type(file.meta(), k);
        if ((type == GGUF_TYPE_FLOAT32 && !std::isfinite(gguf_get_val_f32(file.meta(), k))) ||
            (type == GGUF_TYPE_FLOAT64 && !std::isfinite(gguf_get_val_f64(file.meta(), k)))) {
            key = gguf_get_key(file.meta(), k);
            break;
        }
    }
    throw error("gguf_bad_metadata", file.path() + ": the metadata key " + key + " is not a finite number.",
                "The file is damaged or was converted wrongly: download or convert it again.",
                {{"path", file.path()}, {"key", key}, {"wanted", "a finite number"}});
}

/// ggml turns pairs of values, and ends the process over an odd number of them.
void check_rotations(const part & p, const gguf_file & file) {
    for (const step & s : p.steps) {
        if (s.kind == step_kind::rope && (s.rotation.n_rot <= 0 || s.rotation.n_rot % 2 != 0)) {
            const std::string key = file.str("general.architecture").value_or("") + ".rope.dimension_count";
            throw error("gguf_bad_metadata", file.path() + ": the model rotates " + std::to_string(s.rotation.n_rot) + " values of a head, which is no number of pairs; see the metadata key " + key + ".",
                        "The file is damaged or was converted wrongly: download or convert it again.",
                        {{"path", file.path()}, {"key", key}, {"wanted", "an even number"}});
        }
    }
}

} // namespace

program trace_model(const gguf_file & file, int max_seq_len) {
    const std::string answer = run_apart([&]() -> std::string {
        try {
            return json{{"program", to_json(recognise(capture_graphs(file), file, max_seq_len))}}.dump(-1, ' ', false, json::error_handler_t::replace);
        } catch (const error & e) {
            return json{{"code", e.code}, {"message", e.what()}, {"hint", e.hint}, {"details", e.details}, {"kind", (int) e.kind}}.dump(-1, ' ', false, json::error_handler_t::replace);
        }
    });
    const json j = json::parse(answer, nullptr, false);
    if (j.is_discarded() || !j.is_object()) {
        throw error("model_unsupported", file.path() + ": llama.cpp crashes when it loads this model",
                    "The file is damaged or incomplete: download or convert it again.", {{"path", file.path()}, {"reason", "crash"}});
    }
    if (!j.contains("program")) {
        throw error((exit_kind) j.at("kind").get<int>(), j.at("code"), j.at("message"), j.at("hint"), j.at("details"));
    }
    program p;
    try {
        p = program_from_json(j.at("program"));
    } catch (const json::exception &) {
        refuse_number(file);
    }
    check_rotations(p.prologue, file);
    check_rotations(p.epilogue, file);
    for (const part & block : p.blocks) {
        check_rotations(block, file);
    }
    return p;
}

} // namespace forja::trace
