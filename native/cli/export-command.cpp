// The tokenize and export jobs.
#include <iostream>

#include "commands.hpp"
#include "data/tokenize-job.hpp"
#include "export/export.hpp"
#include "read-settings.hpp"

namespace forja {
using nlohmann::json;

job_result tokenize_command(const json & job, event_writer & out) {
    const auto o = read_settings<tokenize_settings>(job);
    out.status("tokenizing");
    std::ios::sync_with_stdio(false);
    const tokenize_result r = tokenize_rows(o, std::cin, out.progress("tokenizing", "rows"));
    return {{{"rows", r.rows}, {"tokens", r.tokens}, {"supervised_tokens", r.supervised_tokens}, {"median_tokens", r.median_tokens},
             {"p95_tokens", r.p95_tokens}, {"max_tokens", r.max_tokens}, {"truncated_rows", r.truncated_rows}, {"empty_rows", r.empty_rows}, {"alike_pairs", r.alike_pairs},
             {"lost_tokens", r.lost_tokens}, {"lost_supervised_tokens", r.lost_supervised_tokens}, {"windowed_rows", r.windowed_rows},
             {"repeated_tokens", r.repeated_tokens}, {"length_histogram", r.length_histogram}, {"output_path", o.output_path}}};
}

namespace {

json types_json(const std::vector<tried_type> & types) {
    const auto number_or_null = [](const std::optional<double> & x) { return x ? json(*x) : json(nullptr); };
    json       list           = json::array();
    for (const tried_type & t : types) {
        list.push_back({{"output_type", t.output_type}, {"output_bytes", t.output_bytes}, {"export_loss", number_or_null(t.export_loss)}, {"kept_share", number_or_null(t.kept_share)}});
    }
    return list;
}

} // namespace

job_result export_command(const json & job, event_writer & out) {
    const auto      o = read_settings<export_settings>(job);
    export_observer observe;
    observe.on_status  = [&](const std::string & phase) { out.status(phase); };
    observe.progress   = [&](const std::string & phase, const char * unit) { return out.progress(phase, unit); };
    observe.on_warning = [&](const warning & w) { out.warn(w); };
    observe.on_types   = [&](double base_loss, double tuned_loss, const std::vector<tried_type> & types) {
        out.emit("types_tried", {{"base_loss", base_loss}, {"tuned_loss", tuned_loss}, {"types", types_json(types)}});
    };
    out.status("exporting");
    const export_result r = run_export(o, observe);
    return {{{"format", r.format}, {"output_path", r.output_path}, {"output_bytes", r.output_bytes}, {"output_type", r.output_type},
             {"tensors_merged", r.tensors_merged}, {"rounding", r.has_feedback ? "feedback" : "nearest"}, {"types", types_json(r.types)},
             {"duration_ms", r.duration_ms}, {"peak_memory_bytes", r.peak_memory_bytes}}};
}

} // namespace forja
