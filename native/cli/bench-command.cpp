#include <algorithm>

#include "commands.hpp"
#include "read-settings.hpp"
#include "train/bench.hpp"

namespace forja {

namespace {

// The largest share first.
nlohmann::json operations_of(const profile & p) {
    double total = 0;
    for (auto & [name, e] : p.by_name) {
        total += e.seconds;
    }
    std::vector<std::pair<std::string, profile::entry>> sorted(p.by_name.begin(), p.by_name.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](auto & a, auto & b) { return a.second.seconds > b.second.seconds; });
    nlohmann::json out = nlohmann::json::array();
    for (auto & [name, e] : sorted) {
        out.push_back({{"operation", name}, {"share", e.seconds / total}, {"ms_per_step", 1e3 * e.seconds}, {"gflops", 1e-9 * e.flops / e.seconds}});
    }
    return out;
}

} // namespace

job_result bench_command(const nlohmann::json & job, event_writer &) {
    auto s              = read_settings<bench_settings>(job);
    s.method.lora_alpha = 2.0 * (double) s.method.lora_rank;
    const bench_result r = run_bench(s);
    nlohmann::json     data = {{"mode", s.mode}, {"base_type", r.base_type}, {"max_seq_len", s.max_seq_len}, {"micro_batch_size", s.micro_batch_size},
                               {"threads", r.threads}, {"tokens_per_second", r.tokens_per_second}, {"peak_memory_bytes", r.peak_memory_bytes},
                               {"file_size_bytes", r.file_size_bytes}, {"device_memory_bytes", r.device_memory_bytes}};
    if (s.mode == "profile") {
        data["peak_gflops"] = r.peak_gflops;
        data["operations"]  = operations_of(r.operations);
    }
    return {data};
}

} // namespace forja
