// Writes a GGUF front to back: all metadata and shapes first, then each tensor's bytes as they come, so that memory never
// holds more than one of them. The file appears under its name only when it is whole.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ggml.h"
#include "gguf.h"

#include "base/files.hpp"

namespace forja {

/// Use: set keys with gguf_set_* on meta(), add_tensor() for each, begin(), then write() every tensor's bytes in the same
/// order (in one or several pieces), then commit(). Without commit() nothing is left.
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

    /// Writes the header. No keys or tensors can be added after.
    void begin();

    /// Bytes of the current tensor; moves to the next one when it is full. @throws failure disk_full, write_failed.
    void write(const void * data, size_t n_bytes);

    /// @throws failure internal when bytes are missing.
    void commit();

  private:
    atomic_file         file;
    gguf_context *      ctx;
    std::vector<size_t> sizes; // bytes per tensor, in order
    size_t              current = 0, filled = 0;
};

} // namespace forja
