// A GGUF model as it lies on disk: metadata, tensor table and mapped bytes, over one file or a split set.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ggml.h"
#include "gguf.h"

namespace forja {

/// One tensor of the file. ne is in ggml's order (ne[0] varies fastest).
struct tensor_info {
    std::string            name;
    ggml_type              type;
    std::array<int64_t, 4> ne;
    int                    n_dims;
    size_t                 n_bytes;
    int                    file_index; // which file of a split set
    const uint8_t *        data;       // mapped, read only, valid while the gguf_file lives
};

/// Opens and maps a GGUF read-only. A split set is opened by any of its parts; all must lie in the same folder.
/// Metadata comes from the first part.
class gguf_file {
  public:
    /// @throws error: file_not_found, file_unreadable, gguf_bad_magic, gguf_bad_version, gguf_truncated, gguf_corrupt,
    ///         gguf_split_missing. The message names the file, and the tensor or offset where it applies.
    static std::shared_ptr<gguf_file> open(const std::string & path);
    ~gguf_file();
    gguf_file(const gguf_file &)             = delete;
    gguf_file & operator=(const gguf_file &) = delete;

    const std::string &              path() const;  // as given
    const std::vector<std::string> & paths() const; // all parts, in order
    uint64_t                         file_size_bytes() const;
    const gguf_context *             meta() const;  // of the first part
    const std::vector<tensor_info> & tensors() const; // in file order over all parts
    const tensor_info *              find(const std::string & name) const; // nullptr when absent

    // Typed metadata; nullopt when absent. Integers of any width convert; a wrong kind throws error gguf_bad_metadata.
    std::optional<std::string>        str(const std::string & key) const;
    std::optional<int64_t>            i64(const std::string & key) const;
    std::optional<double>             f64(const std::string & key) const;
    std::optional<bool>               boolean(const std::string & key) const;
    std::optional<std::vector<int64_t>> i64_array(const std::string & key) const; // also of bool arrays
    bool                              is_array(const std::string & key) const; // false when absent

    /// Lets the system drop this tensor's pages from memory; they are read again when next used.
    void release(const tensor_info & tensor) const;
    /// The same for n_bytes of it from `offset` on.
    void release(const tensor_info & tensor, size_t offset, size_t n_bytes) const;
    /// Asks the system to have these bytes in memory soon.
    void expect(const tensor_info & tensor, size_t offset, size_t n_bytes) const;

  private:
    gguf_file();
    struct impl;
    std::unique_ptr<impl> p;
};

} // namespace forja
