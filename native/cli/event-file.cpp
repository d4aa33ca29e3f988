#include "event-file.hpp"

#include <cerrno>
#include <filesystem>

#include "base/files.hpp"

#ifdef _WIN32
#    include <fcntl.h>
#    include <io.h>
#    include <share.h>
#    include <sys/stat.h>
#else
#    include <fcntl.h>
#    include <unistd.h>
#endif

namespace forja {
namespace fs = std::filesystem;

namespace {

error busy(const std::string & out_dir) {
    return failure("output_busy", "Another trainer is at work in " + out_dir + ".", "Wait until it has ended: one whose Forja is gone writes a checkpoint and ends.",
                   {{"path", out_dir}});
}

/// @returns the descriptor, or -1. @throws failure output_busy
int open_alone(const fs::path & path, const std::string & out_dir) {
#ifdef _WIN32
    int fd = -1;
    _wsopen_s(&fd, path.c_str(), _O_RDWR | _O_CREAT | _O_APPEND | _O_BINARY, _SH_DENYWR, _S_IREAD | _S_IWRITE);
    if (fd < 0 && errno == EACCES && fs::is_regular_file(path)) {
        throw busy(out_dir);
    }
    return fd;
#else
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    // A lock of this process alone: one that was forked to ask libllama, and outlives a kill by a moment, does not hold it. Where a file
    // system has no locks, there is the run's lock file only.
    struct flock whole {};
    whole.l_type   = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (fd >= 0 && ::fcntl(fd, F_SETLK, &whole) != 0 && (errno == EACCES || errno == EAGAIN)) {
        ::close(fd);
        throw busy(out_dir);
    }
    return fd;
#endif
}

bool ends_in_a_line(int fd) {
#ifdef _WIN32
    char last = '\n';
    return _lseeki64(fd, -1, SEEK_END) < 0 || (_read(fd, &last, 1) == 1 && last == '\n');
#else
    char        last = '\n';
    const off_t end  = ::lseek(fd, 0, SEEK_END);
    return end <= 0 || (::pread(fd, &last, 1, end - 1) == 1 && last == '\n');
#endif
}

/// @returns how many bytes were written
size_t write_all(int fd, const std::string & text) {
    size_t done = 0;
    while (done < text.size()) {
#ifdef _WIN32
        const int n = _write(fd, text.data() + done, (unsigned) (text.size() - done));
#else
        const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
#endif
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        done += (size_t) n;
    }
    return done;
}

} // namespace

event_file::event_file(const std::string & out_dir) : path_(path_utf8(utf8_path(out_dir) / "events.jsonl")) {
    std::error_code ec;
    fs::create_directories(utf8_path(out_dir), ec);
    fd_      = open_alone(utf8_path(path_), out_dir);
    is_torn_ = fd_ >= 0 && !ends_in_a_line(fd_);
}

event_file::~event_file() {
    if (fd_ >= 0) {
#ifdef _WIN32
        _close(fd_);
#else
        ::close(fd_);
#endif
    }
}

bool event_file::append(const std::string & line) {
    if (fd_ < 0) {
        return false;
    }
    const std::string text = (is_torn_ ? "\n" : "") + line;
    const size_t      done = write_all(fd_, text);
    if (done > 0) {
        is_torn_ = text[done - 1] != '\n';
    }
    return done == text.size();
}

void event_file::sync() {
    if (fd_ >= 0) {
#ifdef _WIN32
        _commit(fd_);
#else
        ::fsync(fd_);
#endif
    }
}

} // namespace forja
