// What the numbers of a run follow from, as a checkpoint keeps it, and how that may differ when the run goes on.
#pragma once

#include <map>
#include <string>

#include "base/progress.hpp"
#include "base/settings.hpp"

namespace forja {

struct run_record {
    std::map<std::string, std::string> fixed;  // a run goes on with these or not at all
    std::map<std::string, std::string> warned; // these may differ, and so does the result then

    /// The settings of a run by the schema's rules. Whoever calls adds what they come to: the model, the rows, the adapter's
    /// shape, total_steps, warmup_steps and the device's name stand in place of the settings that ask for them.
    static run_record of(const train_settings & s);

    /// All of it, for a checkpoint.
    std::map<std::string, std::string> all() const;

    /// Compares with what a checkpoint keeps. @throws error resume_mismatch; warns: setting_changed
    void compare(const std::map<std::string, std::string> & before, const warning_fn & warn) const;
};

/// A number as a checkpoint keeps it.
std::string record_text(double v);

} // namespace forja
