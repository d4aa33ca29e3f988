#include "base/llama-log.hpp"

#include <cstdio>
#include <exception>
#include <mutex>

#include "llama.h"

namespace forja {

namespace {

std::mutex     mutex;
std::string    last_error;
std::string *  held = nullptr; // takes what else would go to stderr
ggml_log_level last_level = GGML_LOG_LEVEL_NONE;

void on_log(ggml_log_level level, const char * text, void *) {
    const std::lock_guard lock(mutex);
    if (level == GGML_LOG_LEVEL_CONT) {
        level = last_level;
    }
    last_level = level;
    if (level == GGML_LOG_LEVEL_ERROR) {
        last_error = text;
        while (!last_error.empty() && (last_error.back() == '\n' || last_error.back() == ' ')) {
            last_error.pop_back();
        }
    }
    if (level == GGML_LOG_LEVEL_ERROR || level == GGML_LOG_LEVEL_WARN) {
        if (held) {
            *held += text;
        } else {
            std::fputs(text, stderr);
        }
    }
}

} // namespace

void quiet_llama_log() { llama_log_set(on_log, nullptr); }

std::string take_llama_error() {
    const std::lock_guard lock(mutex);
    std::string           text;
    text.swap(last_error);
    return text;
}

llama_model * load_llama_file(const std::function<llama_model *()> & load) {
    try {
        return load();
    } catch (const std::exception & e) {
        const std::lock_guard lock(mutex);
        last_error = e.what();
        return nullptr;
    }
}

std::string llama_log_of(const std::function<void()> & work) {
    quiet_llama_log();
    std::string text;
    const auto  hold = [](std::string * by) {
        const std::lock_guard lock(mutex);
        held = by;
    };
    hold(&text);
    work();
    hold(nullptr);
    return text;
}

} // namespace forja
