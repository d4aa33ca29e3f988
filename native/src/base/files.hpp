// Files written so that nobody ever sees half of one: beside the target, synced, then renamed over it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace forja {

/// Paths are UTF-8 everywhere in Forja; these convert to and from the system's own form.
std::filesystem::path utf8_path(const std::string & utf8);
std::string           path_utf8(const std::filesystem::path & path);

/// fopen(path, "rb") for a UTF-8 path; nullptr with errno on failure.
FILE * open_for_reading(const std::string & path);

/// Free bytes on the disk that holds `path`'s folder; nullopt where the system doesn't say.
std::optional<uint64_t> free_bytes_near(const std::string & path);

/// The error disk_full for `path`, with free bytes where known; needed_bytes 0: unknown.
error disk_full(const std::string & path, uint64_t needed_bytes);

/// @throws failure disk_full when fewer than needed_bytes are known to be free where `path` is to be written.
void require_free_space(const std::string & path, uint64_t needed_bytes);

/// A file written under a temporary name (target + ".partial") in the target's folder. commit() syncs it and renames it to
/// the target (replacing it) and syncs the folder; without commit() the destructor removes it. What a killed process left
/// is reused. All methods throw failure("disk_full") or failure("write_failed") naming the path; the constructor throws
/// error("output_not_writable"), or failure("output_busy") when another process is writing the same target.
class atomic_file {
  public:
    explicit atomic_file(std::string target_path);
    ~atomic_file();
    atomic_file(const atomic_file &)             = delete;
    atomic_file & operator=(const atomic_file &) = delete;

    void     write(const void * data, size_t n_bytes);
    void     write_zeros(size_t n_bytes);
    void     overwrite(uint64_t offset, const void * data, size_t n_bytes); // patch bytes written before
    void     read(uint64_t offset, void * data, size_t n_bytes);            // bytes written before

    /// Makes the file n_bytes long, zeros where nothing was written, to be filled by write_at(). No write() after.
    void resize(uint64_t n_bytes);
    /// Writes inside what resize() made. Threads may write different ranges at once.
    void write_at(uint64_t offset, const void * data, size_t n_bytes);

    uint64_t size_bytes() const;
    const std::string & temporary_path() const;
    void     flush();
    void     commit();

  private:
    std::string target, temporary;
    FILE *      file      = nullptr;
    uint64_t    written   = 0;
    bool        committed = false;
};

/// Makes a folder whole or not at all: fill(temporary_folder) writes the files, each is synced, then the folder is renamed
/// to `target` (an existing one is replaced and removed).
void write_folder_atomically(const std::string & target, const std::function<void(const std::string & folder)> & fill);

} // namespace forja
