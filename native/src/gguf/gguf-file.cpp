#include "gguf/gguf-file.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/mapped-file.hpp"
#include "gguf/gguf-check.hpp"

namespace forja {

namespace {

struct gguf_deleter {
    void operator()(gguf_context * ctx) const { gguf_free(ctx); }
};
using gguf_ptr = std::unique_ptr<gguf_context, gguf_deleter>;

/// One file of the set: its bytes and its header.
struct part {
    mapped_file file;
    gguf_ptr    meta;

    explicit part(const std::string & path) : file(path, "model") {
        check_gguf(path, file.data(), file.size_bytes());
        meta.reset(gguf_init_from_buffer(file.data(), file.size_bytes(), {/* no_alloc */ true, /* ctx */ nullptr}));
        if (!meta) {
            throw error("gguf_corrupt", path + " is not a sound GGUF file: llama.cpp cannot read its header.",
                        "The file is damaged or incomplete: download or copy it again.", {{"path", path}});
        }
    }
};

std::optional<int64_t> scalar_int(const gguf_context * meta, int64_t id) {
    switch (gguf_get_kv_type(meta, id)) {
        case GGUF_TYPE_UINT8: return gguf_get_val_u8(meta, id);
        case GGUF_TYPE_INT8: return gguf_get_val_i8(meta, id);
        case GGUF_TYPE_UINT16: return gguf_get_val_u16(meta, id);
        case GGUF_TYPE_INT16: return gguf_get_val_i16(meta, id);
        case GGUF_TYPE_UINT32: return gguf_get_val_u32(meta, id);
        case GGUF_TYPE_INT32: return gguf_get_val_i32(meta, id);
        case GGUF_TYPE_INT64: return gguf_get_val_i64(meta, id);
        case GGUF_TYPE_UINT64: {
            const uint64_t value = gguf_get_val_u64(meta, id);
            return value <= static_cast<uint64_t>(INT64_MAX) ? std::optional<int64_t>(static_cast<int64_t>(value)) : std::nullopt;
        }
        default: return std::nullopt;
    }
}

template <typename T> std::vector<int64_t> widen(const void * data, size_t n) {
    const T * items = static_cast<const T *>(data);
    return std::vector<int64_t>(items, items + n);
}

constexpr int64_t max_rotated = int64_t{1} << 20;

[[noreturn]] void bad_metadata(const std::string & path, const std::string & key, const std::string & wanted) {
    throw error("gguf_bad_metadata", path + ": the metadata key " + key + " is not " + wanted + ".",
                "The file was made by a program that this version doesn't understand, or is damaged.",
                {{"path", path}, {"key", key}, {"wanted", wanted}});
}

} // namespace

struct gguf_file::impl {
    std::string                                  path;
    std::vector<std::string>                     paths;
    std::vector<part>                            parts;
    std::vector<tensor_info>                     tensors;
    std::unordered_map<std::string, size_t>      by_name;

    const gguf_context * meta() const { return parts.front().meta.get(); }
    int64_t              key(const std::string & name) const { return gguf_find_key(meta(), name.c_str()); }

    void add_tensors(int file_index);
    void open_split(int64_t n_parts);
};

void gguf_file::impl::add_tensors(int file_index) {
    const part &         from  = parts[static_cast<size_t>(file_index)];
    const gguf_context * ctx   = from.meta.get();
    const uint8_t *      start = from.file.data() + gguf_get_data_offset(ctx);
    for (int64_t i = 0; i < gguf_get_n_tensors(ctx); ++i) {
        tensor_info t{};
        t.name        = gguf_get_tensor_name(ctx, i);
        t.type        = gguf_get_tensor_type(ctx, i);
        const int64_t * ne = gguf_get_tensor_ne(ctx, i);
        t.ne          = {ne[0], ne[1], ne[2], ne[3]};
        t.n_dims      = 4;
        while (t.n_dims > 1 && t.ne[static_cast<size_t>(t.n_dims) - 1] == 1) {
            --t.n_dims;
        }
        t.n_bytes    = gguf_get_tensor_size(ctx, i);
        t.file_index = file_index;
        t.data       = start + gguf_get_tensor_offset(ctx, i);
        if (!by_name.emplace(t.name, tensors.size()).second) {
            throw error("gguf_corrupt", paths[static_cast<size_t>(file_index)] + ": the tensor " + t.name + " is already in another part.",
                        "These parts do not belong together.", {{"path", paths[static_cast<size_t>(file_index)]}, {"reason", "duplicate tensor"}});
        }
        tensors.push_back(std::move(t));
    }
}

/// Opens the other parts of a set of which `parts` holds the one that was asked for, and puts all in order.
void gguf_file::impl::open_split(int64_t n_parts) {
    static const std::regex pattern(R"(^(.*)-(\d{5})-of-(\d{5})\.gguf$)");
    const std::filesystem::path whole = utf8_path(path);
    const std::string           name  = path_utf8(whole.filename());
    std::smatch                 found;
    if (!std::regex_match(name, found, pattern) || std::atoll(found[3].str().c_str()) != n_parts || n_parts > 99999) {
        throw error("gguf_split_missing",
                    path + " is one of " + std::to_string(n_parts) + " parts, but its name does not end in -0000M-of-0000N.gguf.",
                    "Give the parts their original names and put them in one folder.", {{"path", path}, {"parts", std::to_string(n_parts)}});
    }
    std::vector<part> ordered;
    paths.clear();
    for (int64_t i = 0; i < n_parts; ++i) {
        char ending[32];
        std::snprintf(ending, sizeof(ending), "-%05d-of-%05d.gguf", static_cast<int>(i + 1), static_cast<int>(n_parts));
        const std::string part_path = path_utf8(whole.parent_path() / utf8_path(found[1].str() + ending));
        std::error_code   ec;
        if (!std::filesystem::exists(utf8_path(part_path), ec)) {
            throw error("gguf_split_missing", "Part " + std::to_string(i + 1) + " of " + std::to_string(n_parts) + " of this model is missing: " + part_path + ".",
                        "Put all parts in one folder.", {{"path", part_path}, {"part", std::to_string(i + 1)}, {"parts", std::to_string(n_parts)}});
        }
        ordered.emplace_back(part_path);
        paths.push_back(part_path);
        const gguf_context * ctx   = ordered.back().meta.get();
        const int64_t        no    = gguf_find_key(ctx, "split.no");
        const int64_t        count = gguf_find_key(ctx, "split.count");
        if (no < 0 || count < 0 || scalar_int(ctx, no) != i || scalar_int(ctx, count) != n_parts) {
            throw error("gguf_corrupt", part_path + " says that it is not part " + std::to_string(i + 1) + " of " + std::to_string(n_parts) + ".",
                        "Give the parts their original names.", {{"path", part_path}, {"reason", "wrong part"}});
        }
    }
    parts = std::move(ordered);
}

gguf_file::gguf_file() : p(std::make_unique<impl>()) {}
gguf_file::~gguf_file() = default;

std::shared_ptr<gguf_file> gguf_file::open(const std::string & path) {
    std::shared_ptr<gguf_file> file(new gguf_file());
    impl &                     p = *file->p;
    p.path                       = path;
    p.paths                      = {path};
    p.parts.emplace_back(path);
    const int64_t n_parts = file->i64("split.count").value_or(1);
    if (n_parts > 1) {
        p.open_split(n_parts);
    }
    for (size_t i = 0; i < p.parts.size(); ++i) {
        p.add_tensors(static_cast<int>(i));
    }
    if (const auto wanted = file->i64("split.tensors.count"); n_parts > 1 && wanted && *wanted != static_cast<int64_t>(p.tensors.size())) {
        throw error("gguf_corrupt", path + ": its parts hold " + std::to_string(p.tensors.size()) + " tensors together, not " + std::to_string(*wanted) + ".",
                    "These parts do not belong together, or one is damaged.", {{"path", path}, {"reason", "tensor count"}});
    }
    // GGUF wants multiples of 8, and ggml doesn't look: numbers would be read at addresses where none may lie.
    if (const char * key = "general.alignment"; p.key(key) >= 0 && !file->is_array(key) && file->i64(key).value_or(0) % 8 != 0) {
        bad_metadata(path, key, "a multiple of 8");
    }
    // ggml's rotation never ends with no dimensions, and leaves its memory with a number that it takes for a negative one.
    const std::string rotated = file->str("general.architecture").value_or("") + ".rope.dimension_count";
    if (p.key(rotated) >= 0 && !file->is_array(rotated) && (file->i64(rotated).value_or(0) <= 0 || file->i64(rotated).value_or(0) > max_rotated)) {
        bad_metadata(path, rotated, "a number of dimensions that can be");
    }
    return file;
}

const std::string &              gguf_file::path() const { return p->path; }
const std::vector<std::string> & gguf_file::paths() const { return p->paths; }
const gguf_context *             gguf_file::meta() const { return p->meta(); }
const std::vector<tensor_info> & gguf_file::tensors() const { return p->tensors; }

uint64_t gguf_file::file_size_bytes() const {
    uint64_t sum = 0;
    for (const part & one : p->parts) {
        sum += one.file.size_bytes();
    }
    return sum;
}

const tensor_info * gguf_file::find(const std::string & name) const {
    const auto found = p->by_name.find(name);
    return found == p->by_name.end() ? nullptr : &p->tensors[found->second];
}

void gguf_file::release(const tensor_info & tensor) const { release(tensor, 0, tensor.n_bytes); }

void gguf_file::release(const tensor_info & tensor, size_t offset, size_t n_bytes) const {
    p->parts[static_cast<size_t>(tensor.file_index)].file.release(tensor.data + offset, n_bytes);
}

void gguf_file::expect(const tensor_info & tensor, size_t offset, size_t n_bytes) const {
    p->parts[static_cast<size_t>(tensor.file_index)].file.expect(tensor.data + offset, n_bytes);
}

std::optional<std::string> gguf_file::str(const std::string & key) const {
    const int64_t id = p->key(key);
    if (id < 0) {
        return std::nullopt;
    }
    if (gguf_get_kv_type(meta(), id) != GGUF_TYPE_STRING) {
        bad_metadata(p->path, key, "a text");
    }
    return std::string(gguf_get_val_str(meta(), id));
}

std::optional<int64_t> gguf_file::i64(const std::string & key) const {
    const int64_t id = p->key(key);
    if (id < 0) {
        return std::nullopt;
    }
    const auto value = scalar_int(meta(), id);
    if (!value) {
        bad_metadata(p->path, key, "a whole number");
    }
    return value;
}

std::optional<double> gguf_file::f64(const std::string & key) const {
    const int64_t id = p->key(key);
    if (id < 0) {
        return std::nullopt;
    }
    switch (gguf_get_kv_type(meta(), id)) {
        case GGUF_TYPE_FLOAT32: return gguf_get_val_f32(meta(), id);
        case GGUF_TYPE_FLOAT64: return gguf_get_val_f64(meta(), id);
        default:
            if (const auto value = scalar_int(meta(), id)) {
                return static_cast<double>(*value);
            }
            bad_metadata(p->path, key, "a number");
    }
}

std::optional<bool> gguf_file::boolean(const std::string & key) const {
    const int64_t id = p->key(key);
    if (id < 0) {
        return std::nullopt;
    }
    if (gguf_get_kv_type(meta(), id) != GGUF_TYPE_BOOL) {
        bad_metadata(p->path, key, "true or false");
    }
    return gguf_get_val_bool(meta(), id);
}

bool gguf_file::is_array(const std::string & key) const {
    const int64_t id = p->key(key);
    return id >= 0 && gguf_get_kv_type(meta(), id) == GGUF_TYPE_ARRAY;
}

std::optional<std::vector<int64_t>> gguf_file::i64_array(const std::string & key) const {
    const int64_t id = p->key(key);
    if (id < 0) {
        return std::nullopt;
    }
    if (!is_array(key) || gguf_get_arr_type(meta(), id) == GGUF_TYPE_STRING) {
        bad_metadata(p->path, key, "a list of whole numbers");
    }
    const size_t n    = gguf_get_arr_n(meta(), id);
    const void * data = n == 0 ? nullptr : gguf_get_arr_data(meta(), id);
    switch (gguf_get_arr_type(meta(), id)) {
        case GGUF_TYPE_BOOL:
        case GGUF_TYPE_UINT8: return widen<uint8_t>(data, n);
        case GGUF_TYPE_INT8: return widen<int8_t>(data, n);
        case GGUF_TYPE_UINT16: return widen<uint16_t>(data, n);
        case GGUF_TYPE_INT16: return widen<int16_t>(data, n);
        case GGUF_TYPE_UINT32: return widen<uint32_t>(data, n);
        case GGUF_TYPE_INT32: return widen<int32_t>(data, n);
        case GGUF_TYPE_INT64: return widen<int64_t>(data, n);
        case GGUF_TYPE_UINT64: return widen<uint64_t>(data, n);
        default: bad_metadata(p->path, key, "a list of whole numbers");
    }
}

} // namespace forja
