#include "gguf/gguf-writer.hpp"

#include "base/error.hpp"

namespace forja {

gguf_writer::gguf_writer(const std::string & path) : file(path), ctx(gguf_init_empty()) {}

gguf_writer::~gguf_writer() { gguf_free(ctx); }

void gguf_writer::add_tensor(const std::string & name, ggml_type type, const std::array<int64_t, 4> & ne) {
    if (name.size() >= GGML_MAX_NAME || gguf_find_tensor(ctx, name.c_str()) >= 0) {
        throw failure("internal", "Cannot add the tensor " + name + ": its name is too long or taken.");
    }
    ggml_tensor t{};
    ggml_set_name(&t, name.c_str());
    t.type  = type;
    t.nb[0] = ggml_type_size(type);
    t.nb[1] = ggml_row_size(type, ne[0]);
    for (int d = 0; d < GGML_MAX_DIMS; ++d) {
        t.ne[d] = ne[static_cast<size_t>(d)];
        if (d >= 2) {
            t.nb[d] = t.nb[d - 1] * static_cast<size_t>(t.ne[d - 1]);
        }
    }
    gguf_add_tensor(ctx, &t);
    sizes.push_back(ggml_nbytes(&t));
}

uint64_t gguf_writer::total_bytes() const {
    uint64_t sum = gguf_get_meta_size(ctx);
    for (const size_t n : sizes) {
        sum += GGML_PAD(n, gguf_get_alignment(ctx));
    }
    return sum;
}

void gguf_writer::begin() {
    std::vector<uint8_t> header(gguf_get_meta_size(ctx));
    gguf_get_meta_data(ctx, header.data());
    file.write(header.data(), header.size());
}

void gguf_writer::write(const void * data, size_t n_bytes) {
    if (current >= sizes.size() || n_bytes > sizes[current] - filled) {
        throw failure("internal", "More bytes than the tensors of " + file.temporary_path() + " hold.");
    }
    file.write(data, n_bytes);
    filled += n_bytes;
    if (filled == sizes[current]) {
        file.write_zeros(GGML_PAD(filled, gguf_get_alignment(ctx)) - filled);
        ++current;
        filled = 0;
    }
}

void gguf_writer::commit() {
    if (current != sizes.size()) {
        throw failure("internal", "Bytes are missing in " + file.temporary_path() + ".");
    }
    file.commit();
}

} // namespace forja
