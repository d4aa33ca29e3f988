#include "events.hpp"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <mutex>

#ifdef _WIN32
#    include <fcntl.h>
#    include <io.h>
#else
#    include <unistd.h>
#endif

namespace forja {
using nlohmann::json;

struct event_writer::state {
    std::mutex mutex;
    FILE *     out = nullptr;
    int64_t    seq = 0;
};

event_writer::event_writer() : s_(std::make_shared<state>()) {
    // A library that prints must not break the protocol: stdout's place is taken by stderr.
    std::fflush(stdout);
#ifdef _WIN32
    const int own = _dup(1);
    _dup2(2, 1);
    _setmode(own, _O_BINARY);
    s_->out = _fdopen(own, "wb");
#else
    const int own = dup(1);
    dup2(2, 1);
    s_->out = fdopen(own, "wb");
#endif
}

namespace {
// JSON has no NaN or infinity; the places where one can arise throw before. This is the last guard.
void require_finite(const json & value, const std::string & where) {
    if (value.is_number_float() && !std::isfinite(value.get<double>())) {
        throw failure("internal", "A number that is not finite in the event field '" + where + "'", "Please report this.");
    }
    if (value.is_structured()) {
        for (auto & [key, item] : value.items()) {
            require_finite(item, key);
        }
    }
}
} // namespace

void event_writer::emit(const char * type, const json & data) {
    require_finite(data, type);
    std::lock_guard<std::mutex> lock(s_->mutex);
    const auto now  = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    nlohmann::ordered_json line;
    line["type"]    = type;
    line["seq"]     = s_->seq++;
    line["time_ms"] = now;
    line["data"]    = data;
    // Text that is not UTF-8 (a file name) is mended, not thrown at.
    const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    std::fwrite(text.data(), 1, text.size(), s_->out);
    std::fflush(s_->out);
}

void event_writer::warn(const warning & w) {
    emit("warning", {{"code", w.code}, {"message", w.message}, {"hint", w.hint}, {"details", json(w.details)}});
}

void event_writer::fail(const error & e) {
    emit("error", {{"code", e.code}, {"message", e.what()}, {"hint", e.hint}, {"details", json(e.details)}});
}

progress_fn event_writer::progress(const std::string & phase, const char * unit) {
    auto last = std::make_shared<std::chrono::steady_clock::time_point>();
    return [this, phase, unit, last](uint64_t done, uint64_t total) {
        const auto now = std::chrono::steady_clock::now();
        if (now - *last >= std::chrono::milliseconds(100) || (total > 0 && done >= total)) {
            *last = now;
            emit("progress", {{"phase", phase}, {"done", done}, {"total", total}, {"unit", unit}});
        }
    };
}

} // namespace forja
