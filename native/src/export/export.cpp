#include "export/export.hpp"

#include <chrono>
#include <filesystem>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/memory.hpp"
#include "export/adapter-gguf.hpp"
#include "export/export-merged.hpp"
#include "export/peft-folder.hpp"

namespace forja {

namespace fs = std::filesystem;

namespace {

bool same_file(const std::string & a, const std::string & b) {
    std::error_code ec;
    return fs::equivalent(utf8_path(a), utf8_path(b), ec);
}

void check_output(const export_settings & o, const gguf_file & base) {
    std::error_code ec;
    if (!fs::exists(utf8_path(o.output_path), ec)) {
        return;
    }
    bool is_input = same_file(o.output_path, o.adapter_path);
    for (const std::string & part : base.paths()) {
        is_input = is_input || same_file(o.output_path, part);
    }
    if (is_input) {
        throw error("output_is_input", o.output_path + " is what the export is made from.", "Choose another name.", {{"path", o.output_path}});
    }
    if (!o.overwrite) {
        throw error("output_exists", o.output_path + " is already there.", "Choose another name, or allow overwriting.", {{"path", o.output_path}});
    }
}

uint64_t bytes_on_disk(const std::string & path) {
    std::error_code ec;
    if (!fs::is_directory(utf8_path(path), ec)) {
        return fs::file_size(utf8_path(path));
    }
    uint64_t sum = 0;
    for (const auto & entry : fs::recursive_directory_iterator(utf8_path(path))) {
        sum += entry.is_regular_file() ? entry.file_size() : 0;
    }
    return sum;
}

} // namespace

export_result run_export(const export_settings & o, const export_observer & observe) {
    const auto         started = std::chrono::steady_clock::now();
    const auto         base    = gguf_file::open(o.model_path);
    const saved_tuning saved   = read_tuning(o.adapter_path);
    require_tuning_fits(saved, *base);
    check_output(o, *base);

    export_result result;
    result.format      = o.format;
    result.output_path = o.output_path;
    result.output_type = "f32";
    if (o.format == "gguf") {
        const merged_export merged = export_merged(o, *base, saved, observe);
        result.output_type         = merged.merged.output_type;
        result.tensors_merged      = merged.merged.tensors_merged;
        result.has_feedback        = merged.merged.has_feedback;
        result.types               = merged.types;
    } else if (o.format == "gguf-adapter") {
        write_adapter_gguf(saved, o.output_path);
    } else if (o.format == "peft") {
        write_peft_folder(saved, *base, o.output_path);
    } else {
        throw error("export_format_unknown", "There is no export format '" + o.format + "'.", "Use gguf, gguf-adapter or peft.", {{"format", o.format}});
    }
    result.output_bytes      = bytes_on_disk(o.output_path);
    result.duration_ms       = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started).count();
    result.peak_memory_bytes = peak_memory_bytes();
    return result;
}

} // namespace forja
