// The verify job.
#include "commands.hpp"
#include "export/verify.hpp"
#include "read-settings.hpp"

namespace forja {
using nlohmann::json;

job_result verify_command(const json & job, event_writer & out) {
    const auto o = read_settings<verify_settings>(job);
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
