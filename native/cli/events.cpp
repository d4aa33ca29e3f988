#include "events.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <string_view>

#include "base/mapped-ranges.hpp"
#include "event-file.hpp"

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
    std::atomic<int64_t> seq{0};
    std::atomic<bool>    is_abandoned{false};
    std::unique_ptr<event_file> kept;
    bool                        told_of_loss = false;

    /// Keeps a line, and writes it to stdout. Needs the mutex.
    void write(const char * type, const json & data);
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

void event_writer::state::write(const char * type, const json & data) {
    const auto now  = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    nlohmann::ordered_json line;
    line["type"]    = type;
    line["seq"]     = seq++;
    line["time_ms"] = now;
    line["data"]    = data;
    // Text that is not UTF-8 (a file name) is mended, not thrown at.
    const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    const bool  is_lost = kept && !kept->append(text);
    std::fwrite(text.data(), 1, text.size(), out);
    std::fflush(out);
    if (is_lost && !told_of_loss) {
        told_of_loss = true;
        const warning w("events_not_kept", "The run's events can't be written to " + kept->path(),
                        "The training goes on, with its checkpoints. Check that the disk has room.", {{"path", kept->path()}});
        write("warning", {{"code", w.code}, {"message", w.message}, {"hint", w.hint}, {"details", json(w.details)}});
    }
}

void event_writer::keep_in(const std::string & out_dir) {
    std::lock_guard<std::mutex> lock(s_->mutex);
    s_->kept = std::make_unique<event_file>(out_dir);
}

void event_writer::emit(const char * type, const json & data) {
    require_finite(data, type);
    std::lock_guard<std::mutex> lock(s_->mutex);
    s_->write(type, data);
    // A checkpoint is on the disk; so are the steps that it goes on from.
    if (s_->kept && std::string_view(type) == "checkpoint") {
        s_->kept->sync();
    }
}

void event_writer::warn(const warning & w) {
    emit("warning", {{"code", w.code}, {"message", w.message}, {"hint", w.hint}, {"details", json(w.details)}});
}

void event_writer::fail(const error & e) {
    emit("error", {{"code", e.code}, {"message", e.what()}, {"hint", e.hint}, {"details", json(e.details)}});
}

#ifndef _WIN32
namespace {

// What the handler writes with: no memory can be taken in it.
int                    lost_page_fd  = -1, lost_page_file = -1;
std::atomic<int64_t> * lost_page_seq = nullptr;

/// Appends to a line of fixed size; what doesn't fit is left out.
struct signal_line {
    char   text[4096];
    size_t n = 0;

    void add(const char * s) {
        for (; *s != 0 && n + 1 < sizeof(text); ++s) {
            text[n++] = *s;
        }
    }
    /// As the inside of a JSON string.
    void add_escaped(const char * s) {
        static const char digits[] = "0123456789abcdef";
        for (; *s != 0; ++s) {
            const auto c    = static_cast<unsigned char>(*s);
            const char one[] = {*s, 0}, escaped[] = {'\\', *s, 0}, code[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15], 0};
            add(c == '"' || c == '\\' ? escaped : c < 0x20 ? code : one);
        }
    }
    void add_number(int64_t value) {
        char   digits[24];
        size_t at = sizeof(digits) - 1;
        digits[at] = 0;
        do {
            digits[--at] = static_cast<char>('0' + value % 10);
            value /= 10;
        } while (value > 0);
        add(digits + at);
    }
};

void on_lost_page(int number, siginfo_t * info, void *) {
    const char * path = mapped_ranges::path_at(info->si_addr);
    if (path == nullptr) { // another fault: it ends the process as it would have
        std::signal(number, SIG_DFL);
        std::raise(number);
        return;
    }
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    static signal_line line;
    line.add("{\"type\":\"error\",\"seq\":");
    line.add_number(lost_page_seq->fetch_add(1));
    line.add(",\"time_ms\":");
    line.add_number(static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000);
    line.add(",\"data\":{\"code\":\"file_changed\",\"message\":\"");
    line.add_escaped(path);
    line.add(" was cut short, or its disk failed, while it was being read.\",\"hint\":\"Put the file back as it was and go on from the last checkpoint.\","
             "\"details\":{\"path\":\"");
    line.add_escaped(path);
    line.add("\"}}}\n");
    // A pipe takes it in one piece, and there is nobody to tell of a failure.
    [[maybe_unused]] ssize_t written = lost_page_file < 0 ? 0 : ::write(lost_page_file, line.text, line.n);
    written                          = ::write(lost_page_fd, line.text, line.n);
    _exit(static_cast<int>(exit_kind::failure));
}

} // namespace
#endif

void event_writer::tell_of_lost_pages() {
#ifndef _WIN32
    lost_page_fd  = fileno(s_->out);
    lost_page_file = s_->kept ? s_->kept->descriptor() : -1;
    lost_page_seq = &s_->seq;
    struct sigaction action {};
    action.sa_sigaction = on_lost_page;
    action.sa_flags     = SA_SIGINFO;
    sigaction(SIGBUS, &action, nullptr);
#endif
}

void event_writer::abandon() { s_->is_abandoned = true; }

progress_fn event_writer::progress(const std::string & phase, const char * unit) {
    auto last = std::make_shared<std::chrono::steady_clock::time_point>();
    return [this, phase, unit, last](uint64_t done, uint64_t total) {
        if (s_->is_abandoned) {
            throw abandoned{};
        }
        const auto now = std::chrono::steady_clock::now();
        if (now - *last >= std::chrono::milliseconds(100) || (total > 0 && done >= total)) {
            *last = now;
            emit("progress", {{"phase", phase}, {"done", done}, {"total", total}, {"unit", unit}});
        }
    };
}

} // namespace forja
