// The safetensors file format: 8 bytes of header length (little-endian), a JSON header, then the tensors' bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forja {

/// A matrix or vector in row-major order, as PyTorch has it: shape {rows, columns}.
struct safetensor {
    std::string          name;
    std::vector<int64_t> shape;
    std::vector<float>   values;
};

/// Writes F32 tensors whole or not at all, in the order given. @throws as atomic_file does.
void write_safetensors(const std::string & path, const std::vector<safetensor> & tensors);

/// Reads F32, F16 and BF16 tensors as F32, in the order of their names.
/// @throws error file_not_found, file_unreadable, safetensors_invalid (what and where).
std::vector<safetensor> read_safetensors(const std::string & path);

} // namespace forja
