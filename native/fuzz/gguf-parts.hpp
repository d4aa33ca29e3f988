// A GGUF taken apart, so that a mutation can change one thing and leave the rest sound.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forja::fuzz {

struct gguf_pair {
    std::string key;
    int32_t     type = 0;
    std::string value; // its bytes as they stand in the file
};

struct gguf_entry {
    std::string           name;
    std::vector<uint64_t> ne;
    int32_t               type   = 0;
    uint64_t              offset = 0;
};

struct gguf_parts {
    uint32_t                version = 3;
    std::vector<gguf_pair>  pairs;
    std::vector<gguf_entry> tensors;
    std::string             data;          // behind the header and its padding
    uint64_t                alignment = 32; // of the padding
    int64_t                 more_pairs = 0, more_tensors = 0; // what the header's counts are off by

    gguf_pair * find(const std::string & key);

    /// Sets a number, or a text, in place of what the key had.
    void set_u32(const std::string & key, uint32_t value);
    void set_i32(const std::string & key, int32_t value);
    void set_f32(const std::string & key, float value);
    void set_str(const std::string & key, const std::string & value);
    void remove(const std::string & key);

    std::string bytes() const;
};

/// Nothing where the bytes are no sound GGUF.
std::optional<gguf_parts> take_apart(std::string_view bytes);

} // namespace forja::fuzz
