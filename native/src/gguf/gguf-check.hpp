// Walks a GGUF's header before ggml reads it, so that a damaged file gives a message that says what is wrong and where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace forja {

/// Checks magic, version, counts, every key and every tensor of the header against the file's size, and that the bytes of
/// every tensor lie inside the file. `path` is for messages.
/// @throws error gguf_bad_magic, gguf_bad_version, gguf_truncated, gguf_corrupt.
void check_gguf(const std::string & path, const uint8_t * data, size_t n_bytes);

} // namespace forja
