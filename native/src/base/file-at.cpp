#include "base/file-at.hpp"

#include <algorithm>
#include <cerrno>

#ifdef _WIN32
#define NOMINMAX
#include <io.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <unistd.h>
#endif

namespace forja {

namespace {

constexpr size_t most_at_once = size_t{1} << 30; // systems write at most 2 GB in one call

#ifdef _WIN32

HANDLE handle_of(FILE * file) { return reinterpret_cast<HANDLE>(_get_osfhandle(_fileno(file))); }

int last_error() {
    const DWORD err = GetLastError();
    return err == ERROR_DISK_FULL || err == ERROR_HANDLE_DISK_FULL ? ENOSPC : err == ERROR_FILE_TOO_LARGE ? EFBIG : EIO;
}

#elif defined(__linux__)

/// Begins to write these pages to the disk, without waiting for them. Failing is harmless.
void start_writing(int fd, uint64_t offset, size_t n_bytes) {
    constexpr size_t worth_it = size_t{256} << 10;
    if (n_bytes >= worth_it) {
        (void) ::sync_file_range(fd, static_cast<off64_t>(offset), static_cast<off64_t>(n_bytes), SYNC_FILE_RANGE_WRITE);
    }
}

#else

void start_writing(int, uint64_t, size_t) {}

#endif

} // namespace

int resize_file(FILE * file, uint64_t n_bytes) {
#ifdef _WIN32
    FILE_END_OF_FILE_INFO end{};
    end.EndOfFile.QuadPart = static_cast<LONGLONG>(n_bytes);
    return SetFileInformationByHandle(handle_of(file), FileEndOfFileInfo, &end, sizeof(end)) ? 0 : last_error();
#else
    return ::ftruncate(fileno(file), static_cast<off_t>(n_bytes)) == 0 ? 0 : errno;
#endif
}

int write_file_at(FILE * file, uint64_t offset, const void * data, size_t n_bytes) {
    const char * from = static_cast<const char *>(data);
    for (size_t done = 0; done < n_bytes;) {
        const size_t n = std::min(n_bytes - done, most_at_once);
#ifdef _WIN32
        OVERLAPPED at{};
        at.Offset     = static_cast<DWORD>(offset + done);
        at.OffsetHigh = static_cast<DWORD>((offset + done) >> 32);
        DWORD written = 0;
        if (!WriteFile(handle_of(file), from + done, static_cast<DWORD>(n), &written, &at)) {
            return last_error();
        }
        done += written;
#else
        const ssize_t written = ::pwrite(fileno(file), from + done, n, static_cast<off_t>(offset + done));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return errno;
        }
        done += static_cast<size_t>(written);
#endif
    }
#ifndef _WIN32
    start_writing(fileno(file), offset, n_bytes);
#endif
    return 0;
}

} // namespace forja
