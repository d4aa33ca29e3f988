#include "base/files.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file-at.hpp"

#ifdef _WIN32
#define NOMINMAX
#include <io.h>
#include <share.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __APPLE__
#include <stdio.h>
#endif
#endif

namespace fs = std::filesystem;

namespace forja {

namespace {

constexpr const char * partial_suffix = ".partial";

fs::path parent_of(const fs::path & path) {
    const fs::path parent = path.parent_path();
    return parent.empty() ? fs::path(".") : parent;
}

error not_writable(const std::string & path, const std::string & why) {
    return error("output_not_writable", "Cannot write " + path + ": " + why + ".",
                 "Choose a folder that exists and that you may write to.", {{"path", path}, {"reason", why}});
}

/// Why a write to `path` failed, by errno. needed_bytes is 0 where it isn't known.
error write_error(const std::string & path, int err, uint64_t needed_bytes) {
    bool full = err == ENOSPC;
#ifdef EDQUOT
    full = full || err == EDQUOT;
#endif
    if (full) {
        return disk_full(path, needed_bytes);
    }
    if (err == EFAULT) { // the bytes come out of a mapped file, and the system could not read them
        return failure("file_changed", "A file that " + path + " is made from was cut short, or its disk failed, while it was being read.",
                       "Put the file back as it was and try again.", {{"path", path}});
    }
    if (err == EFBIG) {
        return failure("write_failed", "Cannot write " + path + ": the file would be larger than this disk allows.",
                       "FAT32 disks hold no file over 4 GB: choose a folder on another disk.",
                       {{"path", path}, {"reason", std::strerror(err)}});
    }
    return failure("write_failed", "Cannot write " + path + ": " + std::strerror(err) + ".",
                   "Check that the disk is still connected and has room.", {{"path", path}, {"reason", std::strerror(err)}});
}

/// Syncs a file or folder by path. Folders can't be synced on Windows, where a rename with WRITE_THROUGH does that work.
void sync_path(const fs::path & path, bool is_folder) {
#ifdef _WIN32
    if (is_folder) {
        return;
    }
    HANDLE h = CreateFileW(path.c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr);
    if (h == INVALID_HANDLE_VALUE) {
        throw failure("write_failed", "Cannot open " + path_utf8(path) + " again to sync it.", {}, {{"path", path_utf8(path)}});
    }
    FlushFileBuffers(h);
    CloseHandle(h);
#else
    const int fd = ::open(path.c_str(), (is_folder ? O_RDONLY | O_DIRECTORY : O_RDONLY) | O_CLOEXEC);
    if (fd < 0) {
        throw write_error(path_utf8(path), errno, 0);
    }
    const int rc  = ::fsync(fd);
    const int err = errno;
    ::close(fd);
    // Some file systems can't sync a folder and say EINVAL: nothing more can be done there.
    if (rc != 0 && !(is_folder && (err == EINVAL || err == ENOTSUP))) {
        throw write_error(path_utf8(path), err, 0);
    }
#endif
}

void rename_over(const fs::path & from, const fs::path & to) {
#ifdef _WIN32
    if (!MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        throw failure("write_failed", "Cannot put " + path_utf8(to) + " in place: Windows error " + std::to_string(GetLastError()) + ".",
                      "Close the programs that have this file open.", {{"path", path_utf8(to)}});
    }
#else
    if (::rename(from.c_str(), to.c_str()) != 0) {
        throw write_error(path_utf8(to), errno, 0);
    }
#endif
}

/// Exchanges two existing folders in one step, where the system can.
bool exchange(const fs::path & a, const fs::path & b) {
#if defined(__linux__) && defined(RENAME_EXCHANGE)
    return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
#elif defined(__APPLE__) && defined(RENAME_SWAP)
    return ::renamex_np(a.c_str(), b.c_str(), RENAME_SWAP) == 0;
#else
    (void) a;
    (void) b;
    return false;
#endif
}

/// Opens the temporary file, alone: a second writer of the same target is refused, and what a killed writer left is reused.
FILE * open_alone(const fs::path & temporary, const std::string & target) {
    const auto busy = [&] {
        return failure("output_busy", "Another process is writing " + target + " at the moment.", "Wait for it, or choose another name.",
                       {{"path", target}});
    };
#ifdef _WIN32
    FILE * file = _wfsopen(temporary.c_str(), L"w+b", _SH_DENYRW);
    if (file == nullptr) {
        if (errno == EACCES && fs::exists(temporary)) {
            throw busy();
        }
        throw not_writable(target, std::strerror(errno));
    }
    return file;
#else
    for (;;) {
        const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) {
            if (errno == ENOSPC) {
                throw disk_full(target, 0);
            }
            throw not_writable(target, std::strerror(errno));
        }
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            ::close(fd);
            throw busy();
        }
        // Between open and lock another writer may have renamed this very file to the target: then it isn't ours to cut.
        struct stat opened {};
        struct stat named {};
        if (::fstat(fd, &opened) != 0 || ::stat(temporary.c_str(), &named) != 0 || opened.st_ino != named.st_ino ||
            opened.st_dev != named.st_dev) {
            ::close(fd);
            continue;
        }
        if (::ftruncate(fd, 0) != 0) {
            const int err = errno;
            ::close(fd);
            throw not_writable(target, std::strerror(err));
        }
        return ::fdopen(fd, "w+b");
    }
#endif
}

int seek_to(FILE * file, uint64_t offset) {
#ifdef _WIN32
    return _fseeki64(file, static_cast<int64_t>(offset), SEEK_SET);
#else
    return fseeko(file, static_cast<off_t>(offset), SEEK_SET);
#endif
}

} // namespace

fs::path utf8_path(const std::string & utf8) {
    return fs::path(std::u8string(reinterpret_cast<const char8_t *>(utf8.data()), utf8.size()));
}

std::string path_utf8(const fs::path & path) {
    const std::u8string text = path.u8string();
    return std::string(reinterpret_cast<const char *>(text.data()), text.size());
}

FILE * open_for_reading(const std::string & path) {
#ifdef _WIN32
    return _wfopen(utf8_path(path).c_str(), L"rb");
#else
    return std::fopen(path.c_str(), "rb");
#endif
}

std::optional<uint64_t> free_bytes_near(const std::string & path) {
    std::error_code      ec;
    const fs::space_info space = fs::space(parent_of(utf8_path(path)), ec);
    if (ec || space.available == static_cast<std::uintmax_t>(-1)) {
        return std::nullopt;
    }
    return space.available;
}

error disk_full(const std::string & path, uint64_t needed_bytes) {
    std::map<std::string, std::string> details{{"path", path}};
    std::string                        message = "The disk is full: cannot write " + path;
    if (needed_bytes > 0) {
        message += ", which needs at least " + std::to_string(needed_bytes) + " bytes";
        details["needed_bytes"] = std::to_string(needed_bytes);
    }
    if (const auto available = free_bytes_near(path)) {
        message += (needed_bytes > 0 ? " while " : ": ") + std::to_string(*available) + " are free";
        details["free_bytes"] = std::to_string(*available);
    }
    return failure("disk_full", message + ".", "Free some space or choose a folder on another disk.", std::move(details));
}

void require_free_space(const std::string & path, uint64_t needed_bytes) {
    const auto available = free_bytes_near(path);
    if (available && *available < needed_bytes) {
        throw disk_full(path, needed_bytes);
    }
}

atomic_file::atomic_file(std::string target_path)
    : target(std::move(target_path)), temporary(target + partial_suffix) {
    std::error_code ec;
    if (target.empty() || fs::is_directory(utf8_path(target), ec)) {
        throw not_writable(target.empty() ? "(no name)" : target, target.empty() ? "no file name given" : "it is a folder");
    }
    file = open_alone(utf8_path(temporary), target);
    if (file == nullptr) {
        throw not_writable(target, std::strerror(errno));
    }
    std::setvbuf(file, nullptr, _IOFBF, size_t{1} << 20);
}

atomic_file::~atomic_file() {
    if (file != nullptr) {
#ifndef _WIN32
        // Removed while still locked: afterwards the name may be another writer's.
        ::unlink(temporary.c_str());
#endif
        std::fclose(file);
#ifdef _WIN32
        std::error_code ec;
        fs::remove(utf8_path(temporary), ec);
#endif
    }
}

void atomic_file::write(const void * data, size_t n_bytes) {
    if (n_bytes > 0 && std::fwrite(data, 1, n_bytes, file) != n_bytes) {
        throw write_error(target, errno, written + n_bytes);
    }
    written += n_bytes;
}

void atomic_file::write_zeros(size_t n_bytes) {
    static const char zeros[4096] = {};
    for (; n_bytes > 0;) {
        const size_t n = n_bytes < sizeof(zeros) ? n_bytes : sizeof(zeros);
        write(zeros, n);
        n_bytes -= n;
    }
}

void atomic_file::overwrite(uint64_t offset, const void * data, size_t n_bytes) {
    if (offset + n_bytes > written) {
        throw failure("internal", "A patch of " + temporary + " reaches past what was written.");
    }
    if (seek_to(file, offset) != 0 || std::fwrite(data, 1, n_bytes, file) != n_bytes || seek_to(file, written) != 0) {
        throw write_error(target, errno, written);
    }
}

void atomic_file::read(uint64_t offset, void * data, size_t n_bytes) {
    if (offset + n_bytes > written) {
        throw failure("internal", "More of " + temporary + " was to be read than was written.");
    }
    if (seek_to(file, offset) != 0 || std::fread(data, 1, n_bytes, file) != n_bytes || seek_to(file, written) != 0) {
        throw write_error(target, errno, written);
    }
}

void atomic_file::resize(uint64_t n_bytes) {
    flush();
    if (const int err = resize_file(file, n_bytes)) {
        throw write_error(target, err, n_bytes);
    }
    written = n_bytes;
}

void atomic_file::write_at(uint64_t offset, const void * data, size_t n_bytes) {
    if (offset > written || n_bytes > written - offset) {
        throw failure("internal", "A piece of " + temporary + " reaches past its end.");
    }
    if (const int err = write_file_at(file, offset, data, n_bytes)) {
        throw write_error(target, err, written);
    }
}

uint64_t atomic_file::size_bytes() const { return written; }

const std::string & atomic_file::temporary_path() const { return temporary; }

void atomic_file::flush() {
    if (std::fflush(file) != 0) {
        throw write_error(target, errno, written);
    }
}

void atomic_file::commit() {
    flush();
#ifdef _WIN32
    if (_commit(_fileno(file)) != 0) {
        throw write_error(target, errno, written);
    }
    FILE * closing = file;
    file           = nullptr;
    if (std::fclose(closing) != 0) {
        throw write_error(target, errno, written);
    }
    try {
        rename_over(utf8_path(temporary), utf8_path(target));
    } catch (...) {
        std::error_code ec;
        fs::remove(utf8_path(temporary), ec);
        throw;
    }
#else
    if (::fsync(fileno(file)) != 0) {
        throw write_error(target, errno, written);
    }
    // Renamed before it is closed: the lock ends only when the name is the target's.
    rename_over(utf8_path(temporary), utf8_path(target));
    FILE * closing = file;
    file           = nullptr;
    std::fclose(closing);
#endif
    committed = true;
    sync_path(parent_of(utf8_path(target)), true);
}

void write_folder_atomically(const std::string & target, const std::function<void(const std::string & folder)> & fill) {
    fs::path final_path = utf8_path(target);
    if (!final_path.has_filename()) {
        final_path = final_path.parent_path(); // "out/" names the folder out
    }
    fs::path temporary = final_path;
    temporary += partial_suffix;
    std::error_code ec;
    if (fs::exists(final_path, ec) && !fs::is_directory(final_path, ec)) {
        throw not_writable(target, "a file of that name is in the way");
    }
    fs::remove_all(temporary, ec); // what a killed process left
    ec.clear();
    if (!fs::create_directory(temporary, ec)) {
        if (ec == std::errc::no_space_on_device) {
            throw disk_full(target, 0);
        }
        throw not_writable(target, ec ? ec.message() : "a temporary folder of that name is in the way");
    }
    try {
        fill(path_utf8(temporary));
        for (const auto & entry : fs::recursive_directory_iterator(temporary)) {
            if (entry.is_regular_file() || entry.is_directory()) {
                sync_path(entry.path(), entry.is_directory());
            }
        }
        sync_path(temporary, true);
        if (!fs::exists(final_path)) {
            rename_over(temporary, final_path);
        } else if (exchange(temporary, final_path)) {
            fs::remove_all(temporary, ec);
        } else {
            fs::path old = final_path;
            old += ".old";
            fs::remove_all(old, ec);
            rename_over(final_path, old);
            try {
                rename_over(temporary, final_path);
            } catch (...) {
                rename_over(old, final_path);
                throw;
            }
            fs::remove_all(old, ec);
        }
    } catch (const fs::filesystem_error & e) {
        fs::remove_all(temporary, ec);
        throw failure("write_failed", "Cannot write " + target + ": " + e.code().message() + ".", {}, {{"path", target}});
    } catch (...) {
        fs::remove_all(temporary, ec);
        throw;
    }
    sync_path(parent_of(final_path), true);
}

} // namespace forja
