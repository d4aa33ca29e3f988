// A file's bytes in memory, read only, without reading them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace forja {

/// Maps a whole file read-only (mmap, CreateFileMapping). Movable; unmapped by the destructor.
class mapped_file {
  public:
    /// @throws error file_not_found, file_unreadable (a folder, no permission, or it can't be mapped). `what` names the kind of
    ///         file for the message, such as "model".
    mapped_file(const std::string & path, const std::string & what);
    ~mapped_file();
    mapped_file(mapped_file && other) noexcept;
    mapped_file & operator=(mapped_file &&) = delete;

    const uint8_t * data() const { return bytes; } // nullptr for an empty file
    size_t          size_bytes() const { return n_bytes; }

    /// Tells the system that these bytes aren't needed soon, so that streaming a large file doesn't fill the memory.
    void release(const uint8_t * from, size_t n) const;

    /// Asks the system to read these bytes from the disk, without waiting for them.
    void expect(const uint8_t * from, size_t n) const;

  private:
    const uint8_t * bytes   = nullptr;
    size_t          n_bytes = 0;
};

} // namespace forja
