#include "commands.hpp"
#include "train/bench.hpp"

namespace forja {

job_result bench_command(const nlohmann::json & job, event_writer &) {
    bench_settings s;
    s.model_path              = job["model_path"];
    s.mode                    = job["mode"];
    s.device                  = job["device"];
    s.max_seq_len             = job["max_seq_len"];
    s.micro_batch_size        = job["micro_batch_size"];
    s.steps                   = job["steps"];
    s.threads                 = job["threads"];
    s.method.lora_rank        = job["lora_rank"];
    s.method.lora_alpha       = 2.0 * s.method.lora_rank;
    s.method.target_modules   = job["target_modules"].get<std::vector<std::string>>();
    s.compute_type            = job["compute_type"] == "f32" ? precision::f32 : precision::fast;
    s.activation_budget_bytes = job["activation_budget_bytes"];
    const bench_result r = run_bench(s);
    return {{{"mode", s.mode}, {"base_type", r.base_type}, {"max_seq_len", s.max_seq_len}, {"micro_batch_size", s.micro_batch_size},
             {"threads", r.threads}, {"tokens_per_second", r.tokens_per_second}, {"peak_memory_bytes", r.peak_memory_bytes},
             {"file_size_bytes", r.file_size_bytes}}};
}

} // namespace forja
