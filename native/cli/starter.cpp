#include "starter.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#ifdef _WIN32
#    define NOMINMAX
#    include <io.h>
#    include <windows.h>
#else
#    include <sys/stat.h>
#    include <unistd.h>
#endif

#include "base/error.hpp"

namespace forja {

namespace {

constexpr std::chrono::seconds longest_silence{10};

// The lines of stdin, read from the system itself: C's and C++'s streams hold a lock while they wait, and a process that ends takes
// the locks of all its streams.
class stdin_lines {
  public:
    // Without its end; false at the end of input.
    bool next(std::string & line) {
        size_t end;
        while ((end = pending_.find('\n')) == std::string::npos) {
            char piece[256];
#ifdef _WIN32
            const int n = _read(0, piece, sizeof piece);
#else
            const ssize_t n = ::read(0, piece, sizeof piece);
#endif
            if (n < 0 && errno == EINTR) {
                continue;
            }
            if (n <= 0) {
                return false;
            }
            pending_.append(piece, (size_t) n);
        }
        line = pending_.substr(0, end);
        pending_.erase(0, end + 1);
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        return true;
    }

  private:
    std::string pending_;
};

bool stdin_is_a_pipe() {
#ifdef _WIN32
    return GetFileType(GetStdHandle(STD_INPUT_HANDLE)) == FILE_TYPE_PIPE;
#else
    struct stat in {};
    return ::fstat(0, &in) == 0 && (S_ISFIFO(in.st_mode) || S_ISSOCK(in.st_mode));
#endif
}

} // namespace

void listen_to_starter(std::function<void(const std::string &)> on_line, std::function<void()> on_end) {
    std::thread([on_line = std::move(on_line), on_end = std::move(on_end)] {
        stdin_lines lines;
        for (std::string line; lines.next(line);) {
            on_line(line);
        }
        on_end();
    }).detach(); // blocked in a read when the job is done
}

void end_with_starter(event_writer & out) {
    if (!stdin_is_a_pipe()) {
        return;
    }
    listen_to_starter([](const std::string &) {}, [out]() mutable {
        out.abandon();
        std::this_thread::sleep_for(longest_silence);
        std::_Exit((int) exit_kind::stopped);
    });
}

} // namespace forja
