// The verify job.
#include "commands.hpp"
#include "export/verify.hpp"

namespace forja {
using nlohmann::json;

job_result verify_command(const json & job, event_writer & out) {
    verify_options o;
    o.model_path    = job["model_path"];
    o.adapter_path  = job["adapter_path"];
    o.exported_path = job["exported_path"];
    o.format        = job["format"];
    o.tokens_path   = job["tokens_path"];
    o.max_rows      = job["max_rows"];
    o.max_tokens    = job["max_tokens"];
    o.max_seq_len   = job["max_seq_len"];
    o.threads       = job["threads"];
    o.device        = job["device"];
    out.status("verifying");
    const verify_result r = run_verify(o, out.progress("verifying", "rows"));
    return {{{"base_loss", r.base_loss},
             {"tuned_loss", r.tuned_loss},
             {"export_loss", r.export_loss},
             {"mean_kl_divergence", r.mean_kl_divergence},
             {"base_kl_divergence", r.base_kl_divergence},
             {"recovered_share", r.recovered_share ? json(*r.recovered_share) : json(nullptr)},
             {"verdict", r.verdict},
             {"advice", r.advice ? json(*r.advice) : json(nullptr)},
             {"tokens", r.tokens},
             {"rows", r.rows}}};
}

} // namespace forja
