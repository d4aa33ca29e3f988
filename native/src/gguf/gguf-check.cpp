#include "gguf/gguf-check.hpp"

#include <cstring>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "ggml.h"
#include "gguf.h"

#include "base/error.hpp"

namespace forja {

namespace {

constexpr const char * damaged_hint = "The file is damaged or incomplete: download or copy it again.";

/// Fixed widths by gguf_type; 0 for strings and arrays.
size_t width_of(int32_t type) {
    switch (type) {
        case GGUF_TYPE_UINT8:
        case GGUF_TYPE_INT8:
        case GGUF_TYPE_BOOL: return 1;
        case GGUF_TYPE_UINT16:
        case GGUF_TYPE_INT16: return 2;
        case GGUF_TYPE_UINT32:
        case GGUF_TYPE_INT32:
        case GGUF_TYPE_FLOAT32: return 4;
        case GGUF_TYPE_UINT64:
        case GGUF_TYPE_INT64:
        case GGUF_TYPE_FLOAT64: return 8;
        default: return 0;
    }
}

/// Reads forward through the header; every read is checked against the end.
struct cursor {
    const std::string & path;
    const uint8_t *     data;
    uint64_t            size;
    uint64_t            at = 0;

    [[noreturn]] void truncated(const std::string & where) const {
        throw error("gguf_truncated",
                    path + " ends too early: " + where + " lies past its end (" + std::to_string(size) + " bytes).", damaged_hint,
                    {{"path", path}, {"where", where}, {"size_bytes", std::to_string(size)}});
    }
    [[noreturn]] void corrupt(const std::string & what) const {
        throw error("gguf_corrupt", path + " is not a sound GGUF file: " + what + " (at byte " + std::to_string(at) + ").", damaged_hint,
                    {{"path", path}, {"reason", what}, {"offset", std::to_string(at)}});
    }
    void need(uint64_t n, const std::string & where) const {
        if (n > size - at) {
            truncated(where);
        }
    }
    template <typename T> T take(const std::string & where) {
        need(sizeof(T), where);
        T value;
        std::memcpy(&value, data + at, sizeof(T));
        at += sizeof(T);
        return value;
    }
    std::string_view text(const std::string & where) {
        const auto n = take<uint64_t>(where);
        if (n > (uint64_t{1} << 30)) {
            corrupt(where + " is a text of " + std::to_string(n) + " bytes");
        }
        need(n, where);
        const std::string_view value(reinterpret_cast<const char *>(data + at), n);
        at += n;
        return value;
    }
};

uint64_t padded(uint64_t n, uint64_t alignment) { return (n + alignment - 1) / alignment * alignment; }

/// Walks one key and its value; returns the alignment where the key is general.alignment, otherwise 0.
uint32_t check_pair(cursor & c, uint64_t index, std::unordered_set<std::string_view> & seen) {
    const std::string_view key = c.text("the name of key " + std::to_string(index));
    if (key.empty()) {
        c.corrupt("key " + std::to_string(index) + " has no name");
    }
    if (!seen.insert(key).second) {
        c.corrupt("the key " + std::string(key) + " appears twice");
    }
    const std::string where = "the value of " + std::string(key);
    const auto        type  = c.take<int32_t>(where);
    if (type == GGUF_TYPE_STRING) {
        c.text(where);
    } else if (type == GGUF_TYPE_ARRAY) {
        const auto item_type = c.take<int32_t>(where);
        const auto n         = c.take<uint64_t>(where);
        if (item_type == GGUF_TYPE_STRING) {
            for (uint64_t i = 0; i < n; ++i) {
                c.text(where);
            }
        } else {
            const size_t width = width_of(item_type);
            if (width == 0) {
                c.corrupt(where + " is an array of an unknown type (" + std::to_string(item_type) + ")");
            }
            if (n > (c.size - c.at) / width) {
                c.truncated(where);
            }
            c.at += n * width;
        }
    } else {
        const size_t width = width_of(type);
        if (width == 0) {
            c.corrupt(where + " has an unknown type (" + std::to_string(type) + ")");
        }
        c.need(width, where);
        if (key == GGUF_KEY_GENERAL_ALIGNMENT) {
            uint32_t alignment = 0;
            if (type == GGUF_TYPE_UINT32) {
                std::memcpy(&alignment, c.data + c.at, sizeof(alignment));
            }
            if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
                c.corrupt("general.alignment is not a power of two");
            }
            c.at += width;
            return alignment;
        }
        c.at += width;
    }
    return 0;
}

struct entry {
    std::string_view name;
    uint64_t         offset;
    uint64_t         n_bytes;
};

entry check_tensor(cursor & c, uint64_t index) {
    const std::string_view name  = c.text("the name of tensor " + std::to_string(index));
    const std::string      where = "the description of tensor " + std::string(name);
    if (name.empty() || name.size() >= GGML_MAX_NAME) {
        c.corrupt("tensor " + std::to_string(index) + " has " + (name.empty() ? "no name" : "too long a name"));
    }
    const auto n_dims = c.take<uint32_t>(where);
    if (n_dims > GGML_MAX_DIMS) {
        c.corrupt("tensor " + std::string(name) + " has " + std::to_string(n_dims) + " dimensions");
    }
    int64_t  ne[GGML_MAX_DIMS] = {1, 1, 1, 1};
    uint64_t n_elements        = 1;
    for (uint32_t d = 0; d < n_dims; ++d) {
        ne[d] = c.take<int64_t>(where);
        // 2^46 elements are 70 TB at F16: more is damage, and less can't overflow the sums below.
        if (ne[d] <= 0 || static_cast<uint64_t>(ne[d]) > (uint64_t{1} << 46) / n_elements) {
            c.corrupt("tensor " + std::string(name) + " has an absurd size");
        }
        n_elements *= static_cast<uint64_t>(ne[d]);
    }
    const auto type = c.take<int32_t>(where);
    if (type < 0 || type >= GGML_TYPE_COUNT || ggml_blck_size(static_cast<ggml_type>(type)) == 0) {
        c.corrupt("tensor " + std::string(name) + " has a type that this llama.cpp doesn't know (" + std::to_string(type) + ")");
    }
    const auto block = static_cast<uint64_t>(ggml_blck_size(static_cast<ggml_type>(type)));
    if (static_cast<uint64_t>(ne[0]) % block != 0) {
        c.corrupt("the rows of tensor " + std::string(name) + " are no multiple of its type's block of " + std::to_string(block));
    }
    const auto offset = c.take<uint64_t>(where);
    return {name, offset, n_elements / block * ggml_type_size(static_cast<ggml_type>(type))};
}

} // namespace

void check_gguf(const std::string & path, const uint8_t * data, size_t n_bytes) {
    cursor c{path, data, n_bytes};
    if (n_bytes < 4 || std::memcmp(data, GGUF_MAGIC, 4) != 0) {
        throw error("gguf_bad_magic",
                    path + " is not a GGUF file: it " + (n_bytes == 0 ? "is empty." : "does not begin with GGUF."),
                    "Choose a model file in GGUF format (its name usually ends in .gguf).", {{"path", path}});
    }
    c.at               = 4;
    const auto version = c.take<uint32_t>("the format version");
    if (version != 2 && version != GGUF_VERSION) {
        const bool swapped = (version & 0xFFFFu) == 0 && version != 0;
        throw error("gguf_bad_version",
                    path + " has GGUF version " + std::to_string(version) + (swapped ? " (big-endian file)" : "") +
                        "; versions 2 and 3 in little-endian order can be read.",
                    "Get a current GGUF of this model.", {{"path", path}, {"version", std::to_string(version)}});
    }
    const auto n_tensors = c.take<uint64_t>("the tensor count");
    const auto n_keys    = c.take<uint64_t>("the key count");
    // More of either than any model has is damage; checked before memory is taken for them.
    if (n_keys > 1000000) {
        c.corrupt("it claims " + std::to_string(n_keys) + " keys");
    }
    if (n_tensors > 10000000) {
        c.corrupt("it claims " + std::to_string(n_tensors) + " tensors");
    }
    uint64_t alignment = GGUF_DEFAULT_ALIGNMENT;
    {
        std::unordered_set<std::string_view> seen;
        for (uint64_t i = 0; i < n_keys; ++i) {
            if (const uint32_t given = check_pair(c, i, seen)) {
                alignment = given;
            }
        }
    }
    std::vector<entry> entries;
    std::unordered_set<std::string_view> names;
    for (uint64_t i = 0; i < n_tensors; ++i) {
        entries.push_back(check_tensor(c, i));
        if (!names.insert(entries.back().name).second) {
            c.corrupt("the tensor " + std::string(entries.back().name) + " appears twice");
        }
    }
    const uint64_t data_start = padded(c.at, alignment);
    uint64_t       expected   = 0;
    for (const entry & e : entries) {
        if (e.offset != expected) {
            c.corrupt("tensor " + std::string(e.name) + " is not where it should be");
        }
        // Not `data_start + offset + n_bytes > size`: that could overflow on a damaged file.
        if (data_start > n_bytes || e.offset > n_bytes - data_start || e.n_bytes > n_bytes - data_start - e.offset) {
            c.truncated("tensor " + std::string(e.name));
        }
        expected += padded(e.n_bytes, alignment);
    }
}

} // namespace forja
