// Files written so that nobody ever sees half of one: beside the target, synced, then renamed over it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace forja {

/// A file written under a temporary name in the target's folder. commit() syncs it and renames it to the target (replacing
/// it) and syncs the folder; without commit() the destructor removes it. All methods throw failure("disk_full") or
/// failure("write_failed") naming the path; the constructor throws error("output_not_writable").
class atomic_file {
  public:
    explicit atomic_file(std::string target_path);
    ~atomic_file();
    atomic_file(const atomic_file &)             = delete;
    atomic_file & operator=(const atomic_file &) = delete;

    void     write(const void * data, size_t n_bytes);
    void     write_zeros(size_t n_bytes);
    void     overwrite(uint64_t offset, const void * data, size_t n_bytes); // patch bytes written before
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
