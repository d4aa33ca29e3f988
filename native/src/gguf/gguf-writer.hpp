// Writes a GGUF: all metadata and shapes first, then each tensor's bytes as they come, in any order and pieces, so that memory
// never holds more than a piece. The file appears under its name only when it is whole.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "ggml.h"
#include "gguf.h"

#include "base/files.hpp"

namespace forja {

/// Use: set keys with gguf_set_* on meta(), add_tensor() for each, begin(), then write() or write_at() every tensor's bytes,
/// in one or several pieces, then commit(). Without commit() nothing is left.
class gguf_writer {
  public:
    /// @throws error output_not_writable.
    explicit gguf_writer(const std::string & path);
    ~gguf_writer();
    gguf_writer(const gguf_writer &)             = delete;
    gguf_writer & operator=(const gguf_writer &) = delete;

    gguf_context * meta() { return ctx; }

    /// ne in ggml's order; names shorter than GGML_MAX_NAME.
    void add_tensor(const std::string & name, ggml_type type, const std::array<int64_t, 4> & ne);

    /// Size of the finished file; known once every tensor was added.
    uint64_t total_bytes() const;

    /// Writes the header and makes the file as long as it will be. No keys or tensors can be added after.
    /// @throws failure disk_full, write_failed.
    void begin();

    /// Bytes of a tensor, numbered as they were added, from `offset` on. Threads may write different pieces at once; every
    /// byte is to be written once. @throws failure disk_full, write_failed.
    void write_at(size_t tensor, uint64_t offset, const void * data, size_t n_bytes);

    /// The same for one that writes all front to back: bytes of the current tensor; moves to the next when it is full.
    void write(const void * data, size_t n_bytes);

    /// @throws failure internal when bytes are missing.
    void commit();

  private:
    atomic_file         file;
    gguf_context *      ctx;
    std::vector<size_t> sizes; // bytes per tensor, in order

    std::vector<uint64_t> places; // where each tensor's bytes begin in the file
    std::atomic<uint64_t> filled{0};
    size_t                current = 0; // of write()
    uint64_t              reached = 0;
};

} // namespace forja
