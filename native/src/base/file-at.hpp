// Bytes at a given place of an open file, past the stream's buffer and position: what several threads can do at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace forja {

/// The file has n_bytes from now on; what was never written reads as zeros. The stream must be flushed.
/// Returns 0 or an errno.
int resize_file(FILE * file, uint64_t n_bytes);

/// Writes all n_bytes at `offset`, and asks the system to begin with bringing large pieces to the disk, so that a sync at
/// the end finds little left to do. Threads may write different ranges at once; the stream must be flushed, and its
/// position is undefined afterwards. Returns 0 or an errno.
int write_file_at(FILE * file, uint64_t offset, const void * data, size_t n_bytes);

} // namespace forja
