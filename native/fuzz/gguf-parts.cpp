#include "gguf-parts.hpp"

#include <algorithm>
#include <cstring>

#include "gguf.h"

namespace forja::fuzz {

namespace {

size_t width_of(int32_t type) {
    static const size_t widths[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type >= 0 && type < 13 ? widths[type] : 0;
}

struct reader {
    std::string_view in;
    size_t           at = 0;
    bool             ok = true;

    std::string_view bytes(uint64_t n) {
        ok = ok && n <= in.size() - at;
        if (!ok) {
            return {};
        }
        at += n;
        return in.substr(at - n, n);
    }
    template <typename T> T number() {
        const std::string_view b = bytes(sizeof(T));
        T                      value{};
        if (ok) {
            std::memcpy(&value, b.data(), sizeof(T));
        }
        return value;
    }
    std::string_view text() { return bytes(number<uint64_t>()); }
};

template <typename T> void put(std::string & out, T value) { out.append(reinterpret_cast<const char *>(&value), sizeof(T)); }

void put_text(std::string & out, const std::string & text) {
    put<uint64_t>(out, text.size());
    out += text;
}

template <typename T> std::string raw(T value) {
    std::string out;
    put(out, value);
    return out;
}

void set(gguf_parts & parts, const std::string & key, int32_t type, std::string value) {
    if (gguf_pair * found = parts.find(key)) {
        *found = {key, type, std::move(value)};
    } else {
        parts.pairs.push_back({key, type, std::move(value)});
    }
}

} // namespace

gguf_pair * gguf_parts::find(const std::string & key) {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const gguf_pair & p) { return p.key == key; });
    return found == pairs.end() ? nullptr : &*found;
}

void gguf_parts::set_u32(const std::string & key, uint32_t value) { set(*this, key, GGUF_TYPE_UINT32, raw(value)); }
void gguf_parts::set_i32(const std::string & key, int32_t value) { set(*this, key, GGUF_TYPE_INT32, raw(value)); }
void gguf_parts::set_f32(const std::string & key, float value) { set(*this, key, GGUF_TYPE_FLOAT32, raw(value)); }
void gguf_parts::set_str(const std::string & key, const std::string & value) {
    std::string text;
    put_text(text, value);
    set(*this, key, GGUF_TYPE_STRING, std::move(text));
}
void gguf_parts::remove(const std::string & key) {
    std::erase_if(pairs, [&](const gguf_pair & p) { return p.key == key; });
}

std::string gguf_parts::bytes() const {
    std::string out(GGUF_MAGIC, 4);
    put<uint32_t>(out, version);
    put<uint64_t>(out, tensors.size() + static_cast<uint64_t>(more_tensors));
    put<uint64_t>(out, pairs.size() + static_cast<uint64_t>(more_pairs));
    for (const gguf_pair & p : pairs) {
        put_text(out, p.key);
        put<int32_t>(out, p.type);
        out += p.value;
    }
    for (const gguf_entry & t : tensors) {
        put_text(out, t.name);
        put<uint32_t>(out, static_cast<uint32_t>(t.ne.size()));
        for (const uint64_t n : t.ne) {
            put(out, n);
        }
        put<int32_t>(out, t.type);
        put<uint64_t>(out, t.offset);
    }
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data;
}

std::optional<gguf_parts> take_apart(std::string_view bytes) {
    reader in{bytes};
    if (in.bytes(4) != GGUF_MAGIC) {
        return std::nullopt;
    }
    gguf_parts parts;
    parts.version        = in.number<uint32_t>();
    const auto n_tensors = in.number<uint64_t>();
    const auto n_pairs   = in.number<uint64_t>();
    for (uint64_t i = 0; i < n_pairs && in.ok; ++i) {
        gguf_pair p;
        p.key             = in.text();
        p.type            = in.number<int32_t>();
        const size_t from = in.at;
        if (p.type == GGUF_TYPE_STRING) {
            in.text();
        } else if (p.type == GGUF_TYPE_ARRAY) {
            const auto item = in.number<int32_t>();
            const auto n    = in.number<uint64_t>();
            if (item == GGUF_TYPE_STRING) {
                for (uint64_t k = 0; k < n && in.ok; ++k) {
                    in.text();
                }
            } else {
                in.ok = in.ok && width_of(item) > 0 && n <= bytes.size();
                in.bytes(in.ok ? n * width_of(item) : 0);
            }
        } else {
            in.ok = in.ok && width_of(p.type) > 0;
            in.bytes(width_of(p.type));
        }
        p.value = bytes.substr(from, in.at - from);
        parts.pairs.push_back(std::move(p));
    }
    for (uint64_t i = 0; i < n_tensors && in.ok; ++i) {
        gguf_entry t;
        t.name            = in.text();
        const auto n_dims = in.number<uint32_t>();
        in.ok             = in.ok && n_dims <= 8;
        for (uint32_t d = 0; d < n_dims && in.ok; ++d) {
            t.ne.push_back(in.number<uint64_t>());
        }
        t.type   = in.number<int32_t>();
        t.offset = in.number<uint64_t>();
        parts.tensors.push_back(std::move(t));
    }
    if (const gguf_pair * a = parts.find(GGUF_KEY_GENERAL_ALIGNMENT); a && a->value.size() == 4) {
        uint32_t alignment = 0;
        std::memcpy(&alignment, a->value.data(), 4);
        parts.alignment = alignment > 0 && alignment <= 4096 ? alignment : 32;
    }
    const size_t start = (in.at + parts.alignment - 1) / parts.alignment * parts.alignment;
    if (!in.ok || (start > bytes.size() && !parts.tensors.empty())) {
        return std::nullopt;
    }
    parts.data = start < bytes.size() ? bytes.substr(start) : std::string_view();
    return parts;
}

} // namespace forja::fuzz
