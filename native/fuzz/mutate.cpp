#include "mutate.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "gguf-parts.hpp"
#include "gguf.h"

namespace forja::fuzz {

uint64_t dice::number() {
    switch (below(8)) {
        case 0: return below(4);
        case 1: return 0 - (1 + below(3));
        case 2: return (uint64_t{1} << below(64)) - below(3) + 1;
        case 3: return static_cast<uint64_t>(std::numeric_limits<int32_t>::max()) + below(3);
        case 4: return std::numeric_limits<uint32_t>::max() - below(2);
        case 5: return static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + below(2);
        case 6: return below(1000);
        default: return next();
    }
}

namespace {

template <typename List> auto & any(List & list, dice & d) { return list[d.below(list.size())]; }

void write_number(std::string & bytes, size_t at, size_t width, uint64_t value) {
    if (at <= bytes.size() && width <= bytes.size() - at) {
        std::memcpy(bytes.data() + at, &value, width);
    }
}

uint64_t float_bits(dice & d, bool wide) {
    static const double odd[] = {0.0, -0.0, -1.0, 1e-45, 1e30, 1e308, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()};
    const double        value = odd[d.below(8)];
    uint64_t            bits  = 0;
    const auto          small = static_cast<float>(value);
    wide ? std::memcpy(&bits, &value, 8) : std::memcpy(&bits, &small, 4);
    return bits;
}

void mutate_value(gguf_pair & p, dice & d) {
    const bool is_float = p.type == GGUF_TYPE_FLOAT32 || p.type == GGUF_TYPE_FLOAT64;
    if (p.type == GGUF_TYPE_ARRAY && p.value.size() >= 12) {
        switch (d.below(4)) {
            case 0: write_number(p.value, 4, 8, d.number()); break;              // its length
            case 1: write_number(p.value, 0, 4, d.below(14)); break;             // its items' type
            case 2: p.value.resize(12), write_number(p.value, 4, 8, 0); break;   // none
            default: mutate_bytes(p.value, d);
        }
    } else if (p.type == GGUF_TYPE_STRING && p.value.size() >= 8) {
        static const char * texts[] = {"", "llama", "gemma3", "phi3", "yarn", "longrope", "gpt2", "bert", "t5", "none", "\xff\xfe", "lora", "adapter"};
        switch (d.below(4)) {
            case 0: write_number(p.value, 0, 8, d.number()); break;
            case 1: mutate_bytes(p.value, d); break;
            default: {
                const std::string text = d.one_in(8) ? std::string(d.below(100000), 'x') : texts[d.below(std::size(texts))];
                p.value.assign(8, '\0');
                write_number(p.value, 0, 8, text.size());
                p.value += text;
            }
        }
    } else if (is_float && !d.one_in(4)) {
        write_number(p.value, 0, p.value.size(), float_bits(d, p.value.size() == 8));
    } else {
        write_number(p.value, 0, std::min<size_t>(p.value.size(), 8), d.number());
    }
}

void mutate_tensor(gguf_entry & t, gguf_parts & parts, dice & d) {
    switch (d.below(6)) {
        case 0:
            if (!t.ne.empty()) {
                any(t.ne, d) = d.number();
            }
            break;
        case 1: t.type = d.one_in(4) ? static_cast<int32_t>(d.number()) : static_cast<int32_t>(d.below(48)); break;
        case 2: t.offset = d.one_in(2) ? d.number() : any(parts.tensors, d).offset; break;
        case 3: t.name = d.one_in(2) ? any(parts.tensors, d).name : std::string(d.below(200), 'n'); break;
        case 4: d.one_in(2) ? t.ne.push_back(d.one_in(2) ? 1 : d.number()) : t.ne.resize(t.ne.size() / 2); break;
        default: std::reverse(t.ne.begin(), t.ne.end());
    }
}

void mutate_parts(gguf_parts & parts, dice & d) {
    const bool has_pairs = !parts.pairs.empty(), has_tensors = !parts.tensors.empty();
    switch (d.below(12)) {
        case 0: case 1: case 2: case 3:
            if (has_pairs) {
                mutate_value(any(parts.pairs, d), d);
            }
            break;
        case 4:
            if (has_pairs) {
                gguf_pair & p = any(parts.pairs, d);
                p.type        = static_cast<int32_t>(d.below(14));
                p.value.resize(p.type == GGUF_TYPE_STRING ? 8 : 8 >> d.below(4));
            }
            break;
        case 5:
            if (has_pairs) {
                const size_t i = d.below(parts.pairs.size());
                d.one_in(4) ? parts.pairs.push_back(parts.pairs[i]) : static_cast<void>(parts.pairs.erase(parts.pairs.begin() + static_cast<std::ptrdiff_t>(i)));
            }
            break;
        case 6:
            if (has_pairs) { // one value under another's name
                any(parts.pairs, d).key = any(parts.pairs, d).key;
            }
            break;
        case 7: case 8:
            if (has_tensors) {
                mutate_tensor(any(parts.tensors, d), parts, d);
            }
            break;
        case 9:
            if (has_tensors && d.one_in(3)) {
                parts.tensors.erase(parts.tensors.begin() + static_cast<std::ptrdiff_t>(d.below(parts.tensors.size())));
            } else if (d.one_in(2)) {
                parts.more_pairs = static_cast<int64_t>(d.number());
            } else {
                parts.more_tensors = static_cast<int64_t>(d.number());
            }
            break;
        case 10: {
            uint64_t bits = float_bits(d, false);
            if (parts.data.size() >= 4) {
                std::memcpy(parts.data.data() + d.below(parts.data.size() / 4) * 4, &bits, 4);
            }
            break;
        }
        default:
            if (d.one_in(3)) {
                const uint32_t alignments[] = {1, 2, 4, 8, 16, 64, 4096, 1u << 31};
                parts.set_u32(GGUF_KEY_GENERAL_ALIGNMENT, alignments[d.below(8)]);
            } else {
                mutate_bytes(parts.data, d);
            }
    }
}

} // namespace

void mutate_bytes(std::string & bytes, dice & d) {
    if (bytes.empty()) {
        bytes.assign(d.below(64), static_cast<char>(d.next()));
        return;
    }
    const size_t at = d.below(bytes.size()), n = 1 + d.below(std::min<size_t>(bytes.size() - at, d.one_in(4) ? 4096 : 8));
    switch (d.below(7)) {
        case 0: bytes[at] ^= static_cast<char>(1 << d.below(8)); break;
        case 1: bytes[at] = static_cast<char>(d.next()); break;
        case 2: write_number(bytes, at, size_t{1} << d.below(4), d.number()); break;
        case 3: bytes.erase(at, n); break;
        case 4: bytes.insert(d.below(bytes.size()), bytes.substr(at, n)); break;
        case 5: bytes.replace(d.below(bytes.size()), n, bytes.substr(at, n)); break;
        default: d.one_in(4) ? bytes.resize(at) : static_cast<void>(bytes.insert(at, n, static_cast<char>(d.next())));
    }
}

void mutate_gguf(std::string & bytes, dice & d) {
    if (auto parts = take_apart(bytes); parts && !d.one_in(8)) {
        for (uint64_t i = 0, n = d.one_in(3) ? 1 + d.below(4) : 1; i < n; ++i) {
            mutate_parts(*parts, d);
        }
        bytes = parts->bytes();
        if (!d.one_in(8)) {
            return;
        }
    }
    mutate_bytes(bytes, d);
}

void mutate_json(std::string & bytes, dice & d) {
    static const char * values[] = {"null", "true", "0", "-1", "1e999", "9223372036854775808", "-9223372036854775809", "1e-400", "0.1", "\"\"", "[]", "{}",
                                    "\"\\ud800\"", "\"\\u0000\"", "[[[[]]]]", "\"/dev/null\"", "4294967296", "NaN", "\"cpu\"", "\xff"};
    if (d.one_in(3)) {
        mutate_bytes(bytes, d);
        return;
    }
    // A value's place: what follows ':' or '[' or ','.
    std::vector<size_t> places;
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] == ':' || bytes[i] == '[' || bytes[i] == ',') {
            places.push_back(i + 1);
        }
    }
    if (places.empty()) {
        mutate_bytes(bytes, d);
        return;
    }
    const size_t from = any(places, d);
    const size_t to   = std::min(bytes.find_first_of(",]}", from), bytes.size());
    if (d.one_in(40)) { // deep nesting
        bytes.replace(from, to - from, std::string(1 + d.below(200000), d.one_in(2) ? '[' : '{'));
    } else {
        bytes.replace(from, to - from, d.one_in(6) ? std::to_string(static_cast<int64_t>(d.number())) : values[d.below(std::size(values))]);
    }
}

} // namespace forja::fuzz
