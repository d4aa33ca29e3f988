#include "train/run-record.hpp"

#include <cstdio>
#include <set>
#include <type_traits>

#include "base/error.hpp"

namespace forja {

std::string record_text(double v) {
    char buf[40];
    std::snprintf(buf, sizeof(buf), "%.9g", v);
    return buf;
}

namespace {

// What these ask for is recorded as it comes out: see run_record::of().
const std::set<std::string> resolved = {"epochs", "max_steps", "warmup_steps", "warmup_ratio", "device", "target_modules", "init_adapter_path",
                                        "split_seed", "max_val_rows", "text_overlap_tokens"};

// Every checkpoint has these. One that came later is recorded where it differs from its default, so that a run without it
// writes the same bytes as before, and a checkpoint without it means the default.
const std::set<std::string> always = {"lora_rank", "lora_alpha", "lora_dropout", "use_rslora", "learning_rate", "lr_scheduler",
                                      "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm", "seed", "max_seq_len",
                                      "micro_batch_size", "gradient_accumulation_steps", "compute_type",
                                      // Kept activations are rounded to BF16 in fast mode, recomputed ones are not.
                                      "activation_budget_bytes",
                                      // Smaller passes add up in another order.
                                      "device_memory_limit_bytes"};

template <typename T> std::string text_of(const T & v) {
    if constexpr (std::is_same_v<T, bool>) {
        return v ? "true" : "false";
    } else if constexpr (std::is_same_v<T, double>) {
        return record_text(v);
    } else if constexpr (std::is_integral_v<T>) {
        return std::to_string(v);
    } else if constexpr (std::is_same_v<T, std::string>) {
        return v;
    } else if constexpr (requires { v.has_value(); }) {
        return v.value_or("");
    } else {
        std::string list;
        for (const std::string & one : v) {
            list += (list.empty() ? "" : ",") + one;
        }
        return list;
    }
}

std::map<std::string, std::string> defaults() {
    std::map<std::string, std::string> texts;
    each_setting(train_settings(), [&](const char * name, const auto & value, resume_rule) { texts[name] = text_of(value); });
    return texts;
}

// A later setting's default where a checkpoint does not name it; null where there is nothing to compare with.
const std::string * kept(const std::map<std::string, std::string> & before, const std::map<std::string, std::string> & standard, const std::string & key) {
    if (const auto was = before.find(key); was != before.end()) {
        return &was->second;
    }
    const auto by_default = standard.find(key);
    return by_default == standard.end() || always.count(key) || resolved.count(key) ? nullptr : &by_default->second;
}

} // namespace

run_record run_record::of(const train_settings & s) {
    run_record record;
    each_setting(s, [&](const char * name, const auto & value, resume_rule rule) {
        if (rule != resume_rule::free && !resolved.count(name)) {
            (rule == resume_rule::fixed ? record.fixed : record.warned)[name] = text_of(value);
        }
    });
    return record;
}

std::map<std::string, std::string> run_record::all() const {
    const auto standard = defaults();
    auto       out      = fixed;
    out.insert(warned.begin(), warned.end());
    std::erase_if(out, [&](const auto & one) {
        const auto by_default = standard.find(one.first);
        return by_default != standard.end() && !always.count(one.first) && !resolved.count(one.first) && by_default->second == one.second;
    });
    return out;
}

void run_record::compare(const std::map<std::string, std::string> & before, const warning_fn & warn) const {
    const auto standard = defaults();
    for (auto & [key, value] : fixed) {
        if (const std::string * was = kept(before, standard, key); was && *was != value) {
            throw error("resume_mismatch", "The checkpoint was made with " + key + " = " + *was + ", now it is " + value,
                        "Resume with the same model, dataset and adapter settings, or start a new run.",
                        {{"setting", key}, {"was", *was}, {"now", value}});
        }
    }
    for (auto & [key, value] : warned) {
        if (const std::string * was = kept(before, standard, key); was && *was != value) {
            warn({"setting_changed", "The checkpoint was made with " + key + " = " + *was + ", the run goes on with " + value,
                  "The result will differ from a run that was never stopped.", {{"setting", key}, {"was", *was}, {"now", value}}});
        }
    }
}

} // namespace forja
