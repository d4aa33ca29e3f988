#include "trace/trace.hpp"

#include <nlohmann/json.hpp>

#include "base/apart.hpp"
#include "base/error.hpp"
#include "trace/capture.hpp"
#include "trace/program-json.hpp"
#include "trace/recognise.hpp"

namespace forja::trace {
using nlohmann::json;

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
    return program_from_json(j.at("program"));
}

} // namespace forja::trace
