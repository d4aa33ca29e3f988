// A job's fields as the struct that is generated from the schema (base/settings.hpp).
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/settings.hpp"

namespace forja {

/// The settings of a job that read_job() has completed and checked. What a job of this method or objective does not have stays
/// at its default.
template <typename Settings> Settings read_settings(const nlohmann::json & job) {
    Settings s;
    each_field(s, [&](const char * name, auto & field) {
        const auto found = job.find(name);
        if (found == job.end()) {
            return;
        }
        if constexpr (requires { field.reset(); }) {
            if (!found->is_null()) {
                field = found->template get<std::string>();
            }
        } else {
            found->get_to(field);
        }
    });
    return s;
}

} // namespace forja
