#include "export/safetensors.hpp"

#include <cstring>

#include <nlohmann/json.hpp>

#include "ggml.h"

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/mapped-file.hpp"

namespace forja {

namespace {

using json = nlohmann::json;

error invalid(const std::string & path, const std::string & what) {
    return error("safetensors_invalid", path + " is not a sound safetensors file: " + what + ".", "The file is damaged or incomplete: make it again.",
                 {{"path", path}, {"reason", what}});
}

safetensor read_one(const std::string & path, const std::string & name, const json & entry, const uint8_t * data, uint64_t n_bytes) {
    safetensor out;
    out.name                = name;
    out.shape               = entry.at("shape").get<std::vector<int64_t>>();
    const std::string dtype = entry.at("dtype").get<std::string>();
    const auto        from  = entry.at("data_offsets").at(0).get<uint64_t>();
    const auto        to    = entry.at("data_offsets").at(1).get<uint64_t>();
    const uint64_t    width = dtype == "F32" ? 4 : dtype == "F16" || dtype == "BF16" ? 2 : 0;
    if (width == 0) {
        throw invalid(path, name + " has the type " + dtype);
    }
    if (from > to || to > n_bytes) {
        throw invalid(path, name + " lies past its end");
    }
    uint64_t n = 1;
    for (const int64_t d : out.shape) {
        if (d <= 0 || static_cast<uint64_t>(d) > (to - from) / n) {
            throw invalid(path, "the shape of " + name + " doesn't fit its bytes");
        }
        n *= static_cast<uint64_t>(d);
    }
    if (n * width != to - from) {
        throw invalid(path, "the shape of " + name + " doesn't fit its bytes");
    }
    out.values.resize(n);
    // The data need not be aligned: copied first.
    std::vector<uint16_t> halves(width == 2 ? n : 0);
    std::memcpy(width == 2 ? static_cast<void *>(halves.data()) : out.values.data(), data + from, n * width);
    if (dtype == "F16") {
        ggml_fp16_to_fp32_row(halves.data(), out.values.data(), static_cast<int64_t>(n));
    } else if (dtype == "BF16") {
        ggml_bf16_to_fp32_row(reinterpret_cast<const ggml_bf16_t *>(halves.data()), out.values.data(), static_cast<int64_t>(n));
    }
    return out;
}

} // namespace

void write_safetensors(const std::string & path, const std::vector<safetensor> & tensors) {
    nlohmann::ordered_json header;
    header["__metadata__"] = {{"format", "pt"}};
    uint64_t offset        = 0;
    for (const safetensor & t : tensors) {
        const uint64_t n_bytes = t.values.size() * sizeof(float);
        header[t.name]         = {{"dtype", "F32"}, {"shape", t.shape}, {"data_offsets", {offset, offset + n_bytes}}};
        offset += n_bytes;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' '); // so that the data begin at a multiple of 8
    const uint64_t length = text.size();
    atomic_file    file(path);
    file.write(&length, sizeof(length));
    file.write(text.data(), text.size());
    for (const safetensor & t : tensors) {
        file.write(t.values.data(), t.values.size() * sizeof(float));
    }
    file.commit();
}

std::vector<safetensor> read_safetensors(const std::string & path) {
    const mapped_file file(path, "safetensors file");
    uint64_t          length = 0;
    if (file.size_bytes() < sizeof(length)) {
        throw invalid(path, "it is too short");
    }
    std::memcpy(&length, file.data(), sizeof(length));
    if (length > file.size_bytes() - sizeof(length)) {
        throw invalid(path, "its header lies past its end");
    }
    const uint8_t *         data = file.data() + sizeof(length) + length;
    std::vector<safetensor> out;
    try {
        const json header = json::parse(file.data() + sizeof(length), data);
        for (const auto & [name, entry] : header.items()) {
            if (name != "__metadata__") {
                out.push_back(read_one(path, name, entry, data, file.size_bytes() - sizeof(length) - length));
            }
        }
    } catch (const json::exception & e) {
        throw invalid(path, std::string("its header is not valid (") + e.what() + ")");
    }
    return out;
}

} // namespace forja
