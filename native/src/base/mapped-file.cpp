#include "base/mapped-file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/mapped-ranges.hpp"

#ifdef _WIN32
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace forja {

namespace {

error unreadable(const std::string & path, const std::string & what, const std::string & why) {
    return error("file_unreadable", "Cannot read the " + what + " " + path + ": " + why + ".",
                 "Check the file's permissions and that its disk is connected.", {{"path", path}, {"reason", why}});
}

} // namespace

mapped_file::mapped_file(const std::string & path, const std::string & what) {
    std::error_code ec;
    const auto      status = std::filesystem::status(utf8_path(path), ec);
    if (path.empty() || status.type() == std::filesystem::file_type::not_found) {
        throw error("file_not_found", "There is no " + what + " at " + (path.empty() ? "(no path given)" : path) + ".",
                    "Check the path.", {{"path", path}});
    }
    if (status.type() == std::filesystem::file_type::directory) {
        throw unreadable(path, what, "it is a folder");
    }
#ifdef _WIN32
    HANDLE file = CreateFileW(utf8_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                              FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        throw unreadable(path, what, "Windows error " + std::to_string(GetLastError()));
    }
    LARGE_INTEGER size{};
    GetFileSizeEx(file, &size);
    n_bytes = static_cast<size_t>(size.QuadPart);
    if (n_bytes > 0) {
        HANDLE mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
        if (mapping != nullptr) {
            bytes = static_cast<const uint8_t *>(MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0));
            CloseHandle(mapping); // the view keeps it
        }
    }
    const DWORD err = GetLastError();
    CloseHandle(file);
    if (n_bytes > 0 && bytes == nullptr) {
        throw unreadable(path, what, "Windows error " + std::to_string(err));
    }
#else
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        throw unreadable(path, what, std::strerror(errno));
    }
    struct stat info {};
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        ::close(fd);
        throw unreadable(path, what, "it is not a regular file");
    }
    n_bytes = static_cast<size_t>(info.st_size);
    if (n_bytes > 0) {
        void *    view = ::mmap(nullptr, n_bytes, PROT_READ, MAP_SHARED, fd, 0);
        const int err  = errno;
        ::close(fd);
        if (view == MAP_FAILED) {
            n_bytes = 0;
            throw unreadable(path, what, std::strerror(err));
        }
        bytes = static_cast<const uint8_t *>(view);
        mapped_ranges::add(bytes, n_bytes, path.c_str());
    } else {
        ::close(fd);
    }
#endif
}

mapped_file::~mapped_file() {
    if (bytes != nullptr) {
#ifdef _WIN32
        UnmapViewOfFile(bytes);
#else
        mapped_ranges::remove(bytes);
        ::munmap(const_cast<uint8_t *>(bytes), n_bytes);
#endif
    }
}

mapped_file::mapped_file(mapped_file && other) noexcept : bytes(other.bytes), n_bytes(other.n_bytes) {
    other.bytes   = nullptr;
    other.n_bytes = 0;
}

void mapped_file::release(const uint8_t * from, size_t n) const {
#if defined(_WIN32)
    (void) from;
    (void) n;
#else
    // A fault brings up to 64 KB around it: those of the neighbours are let go of too, and come back where still in use.
    constexpr size_t around = size_t{64} << 10;
    const size_t     page   = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t     at     = static_cast<size_t>(from - bytes);
    const size_t     first  = (at > around ? at - around : 0) / page * page;
    const size_t     last   = n > n_bytes - at || n_bytes - at - n < around ? n_bytes : at + n + around;
    ::madvise(const_cast<uint8_t *>(bytes) + first, last - first, MADV_DONTNEED);
#endif
}

void mapped_file::expect(const uint8_t * from, size_t n) const {
#if defined(_WIN32)
    (void) from;
    (void) n;
#else
    const size_t page  = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t first = static_cast<size_t>(from - bytes) / page * page;
    ::madvise(const_cast<uint8_t *>(bytes) + first, static_cast<size_t>(from - bytes) - first + n, MADV_WILLNEED);
#endif
}

} // namespace forja
