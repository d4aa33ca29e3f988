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
    uint64_t place = header.size();
    for (const size_t n : sizes) {
        places.push_back(place);
        place += GGML_PAD(n, gguf_get_alignment(ctx));
    }
    file.resize(place); // with the zeros between tensors
}

void gguf_writer::write_at(size_t tensor, uint64_t offset, const void * data, size_t n_bytes) {
    if (tensor >= places.size() || offset > sizes[tensor] || n_bytes > sizes[tensor] - offset) {
        throw failure("internal", "More bytes than the tensors of " + file.temporary_path() + " hold.");
    }
    file.write_at(places[tensor] + offset, data, n_bytes);
    filled += n_bytes;
}

void gguf_writer::write(const void * data, size_t n_bytes) {
    write_at(current, reached, data, n_bytes);
    reached += n_bytes;
    if (reached == sizes[current]) {
        ++current;
        reached = 0;
    }
}

void gguf_writer::commit() {
    uint64_t wanted = 0;
    for (const size_t n : sizes) {
        wanted += n;
    }
    if (filled != wanted) {
        throw failure("internal", "Bytes are missing in " + file.temporary_path() + ".");
    }
    file.commit();
}

} // namespace forja
