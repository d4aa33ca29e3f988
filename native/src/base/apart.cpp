#include "base/apart.hpp"

#ifdef __linux__
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace forja {

#ifdef __linux__

namespace {

[[noreturn]] void child(const std::function<std::string()> & work, int to) {
    // An abort in ggml prints a backtrace, by a debugger where there is one; the caller says what matters.
    setenv("GGML_NO_BACKTRACE", "1", 1);
    if (const int null = open("/dev/null", O_WRONLY); null >= 0) {
        dup2(null, STDERR_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    std::string out;
    try {
        out = work();
    } catch (...) {
        _exit(1);
    }
    for (size_t done = 0; done < out.size();) {
        const ssize_t n = write(to, out.data() + done, out.size() - done);
        if (n < 0 && errno != EINTR) {
            _exit(1);
        }
        done += n > 0 ? (size_t) n : 0;
    }
    _exit(0); // no destructors: what they would tidy up belongs to the parent
}

} // namespace

std::string run_apart(const std::function<std::string()> & work) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return work();
    }
    const pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return work(); // no process to be had: as elsewhere
    }
    if (pid == 0) {
        close(ends[0]);
        child(work, ends[1]);
    }
    close(ends[1]);
    std::string out;
    char        buffer[1 << 16];
    for (;;) {
        const ssize_t n = read(ends[0], buffer, sizeof(buffer));
        if (n > 0) {
            out.append(buffer, (size_t) n);
        } else if (n == 0 || errno != EINTR) {
            break;
        }
    }
    close(ends[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? out : std::string();
}

#else

std::string run_apart(const std::function<std::string()> & work) { return work(); }

#endif

} // namespace forja
