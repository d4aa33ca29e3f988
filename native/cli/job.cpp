#include "job.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

#include "base/error.hpp"
#include "base/files.hpp"
#include "job_schema_json.hpp"

namespace forja {
using nlohmann::json;

namespace {

[[noreturn]] void invalid(const std::string & field, const std::string & why) {
    throw error("job_invalid", "The job's '" + field + "' " + why, "See native/protocol/job.schema.json.", {{"field", field}, {"reason", why}});
}

bool is_of_type(const json & value, const std::string & type) {
    if (type == "integer") {
        return value.is_number_integer() || (value.is_number_float() && value.get<double>() == (double) (int64_t) value.get<double>());
    }
    return type == "number" ? value.is_number() : type == "string" ? value.is_string() : type == "boolean" ? value.is_boolean()
         : type == "array" ? value.is_array() : type == "object" ? value.is_object() : type == "null" && value.is_null();
}

// The part of JSON Schema that job.schema.json uses.
void check(const std::string & field, json & value, const json & schema) {
    if (schema.contains("const") && value != schema["const"]) {
        invalid(field, "must be " + schema["const"].dump() + ", not " + value.dump());
    }
    if (schema.contains("type")) {
        const json & types = schema["type"];
        bool         ok    = false;
        std::string  names;
        for (const json & t : types.is_array() ? types : json::array({types})) {
            ok = ok || is_of_type(value, t);
            names += (names.empty() ? "" : " or ") + t.get<std::string>();
        }
        if (!ok) {
            invalid(field, "must be of type " + names + ", not " + value.dump());
        }
        if (types == "integer" && value.is_number_float()) {
            value = (int64_t) value.get<double>();
        }
    }
    if (schema.contains("enum")) {
        bool ok = false;
        for (const json & allowed : schema["enum"]) {
            ok = ok || allowed == value;
        }
        if (!ok) {
            invalid(field, "must be one of " + schema["enum"].dump() + ", not " + value.dump());
        }
    }
    if (value.is_number()) {
        if (schema.contains("minimum") && value.get<double>() < schema["minimum"].get<double>()) {
            invalid(field, "must be at least " + schema["minimum"].dump() + ", not " + value.dump());
        }
        if (schema.contains("maximum") && value.get<double>() > schema["maximum"].get<double>()) {
            invalid(field, "must be at most " + schema["maximum"].dump() + ", not " + value.dump());
        }
    }
    if (value.is_string() && schema.contains("minLength") && value.get<std::string>().size() < schema["minLength"].get<size_t>()) {
        invalid(field, "must not be empty");
    }
    if (value.is_array()) {
        if (schema.contains("minItems") && value.size() < schema["minItems"].get<size_t>()) {
            invalid(field, "must have at least " + schema["minItems"].dump() + " entries");
        }
        if (schema.contains("items")) {
            for (json & item : value) {
                check(field, item, schema["items"]);
            }
        }
    }
}

// A field as declared, or as another job declares it, with what is changed of that.
json resolved(const json & property, const json & schema) {
    if (!property.contains("$ref")) {
        return property;
    }
    json whole = resolved(schema.at(json::json_pointer(property["$ref"].get<std::string>().substr(1))), schema);
    whole.update(property);
    whole.erase("$ref");
    return whole;
}

// A job's method or objective.
json tag_of(const std::string & tag, const json & job, const json & def, const json & schema) {
    return job.contains(tag) ? job[tag] : resolved(def["properties"][tag], schema)["default"];
}

// The tag that keeps a setting out of a job; empty where the job has it.
std::string stray_by(const json & property, const json & job, const json & def, const json & schema) {
    for (const auto & [tag, keyword] : {std::pair{"method", "methods"}, std::pair{"objective", "objectives"}}) {
        if (!property.contains("setting") || !property["setting"].contains(keyword) || !def["properties"].contains(tag)) {
            continue;
        }
        const json & values = property["setting"][keyword];
        if (std::find(values.begin(), values.end(), tag_of(tag, job, def, schema)) == values.end()) {
            return tag;
        }
    }
    return "";
}

} // namespace

json read_job(const std::string & path) {
    std::ifstream in(utf8_path(path), std::ios::binary);
    if (!in) {
        throw error("job_unreadable", "The job file " + path + " can't be read", "Name a JSON file: forja-trainer JOB.json", {{"path", path}});
    }
    json job = json::parse(in, nullptr, false);
    if (job.is_discarded() || !job.is_object()) {
        throw error("job_unreadable", "The job file " + path + " is not a JSON object", "See native/protocol/job.schema.json.", {{"path", path}});
    }
    return complete_job(std::move(job), json::parse(job_schema_json));
}

json complete_job(json job, const json & schema) {
    if (!job.contains("protocol_major") || job["protocol_major"] != 1) {
        throw failure("protocol_mismatch", "The job is for protocol version " + (job.contains("protocol_major") ? job["protocol_major"].dump() : "unknown") + " and this trainer speaks version 1",
                    "Use the trainer that came with the app.");
    }
    const std::string type = job.contains("type") && job["type"].is_string() ? job["type"].get<std::string>() : "";
    if (!schema["$defs"].contains(type)) {
        std::string known;
        for (auto & [name, unused] : schema["$defs"].items()) {
            known += (known.empty() ? "" : ", ") + name;
        }
        invalid("type", "must be one of " + known);
    }
    const json & def = schema["$defs"][type];
    for (const json & name : def["required"]) {
        if (!job.contains(name.get<std::string>())) {
            invalid(name, "is missing");
        }
    }
    for (auto & [name, declared] : def["properties"].items()) {
        const json property = resolved(declared, schema);
        const std::string tag = stray_by(property, job, def, schema);
        if (!tag.empty()) {
            if (job.contains(name)) {
                invalid(name, "does not belong to a job whose " + tag + " is " + tag_of(tag, job, def, schema).dump());
            }
        } else if (job.contains(name)) {
            check(name, job[name], property);
        } else if (property.contains("default")) {
            job[name] = property["default"];
        }
    }
    return job;
}

} // namespace forja
