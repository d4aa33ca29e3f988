#include "support/scenario.hpp"

#include <cmath>
#include <filesystem>

#include "base/files.hpp"
#include "base/llama-log.hpp"
#include "base/random.hpp"
#include "fixtures/tiny-tokenizer.hpp"
#include "gguf/gguf-file.hpp"
#include "gguf/gguf-writer.hpp"
#include "train/engine.hpp"

namespace forja::test {
namespace fs = std::filesystem;

std::shared_ptr<device> cpu(int threads) {
    quiet_llama_log();
    load_backends(false);
    return device::open("cpu", threads);
}

std::shared_ptr<model> open_model(const std::string & path, int max_seq_len, int threads) {
    auto dev = cpu(threads);
    return model::load(gguf_file::open(path), dev, max_seq_len, true);
}

std::string fixture(const temporary_folder & folder, const fixtures::model_options & o) {
    const std::string path = folder.path(std::to_string(o.n_layer) + "-" + std::to_string(o.n_vocab) + "-" + std::to_string(o.seed) + "-" + fixtures::file_name(o));
    if (!fs::exists(utf8_path(path))) {
        fixtures::write_tiny_model(o, path);
    }
    return path;
}

void write_dequantised(const std::string & model_path, int n_layer, const std::string & path) {
    const auto  file = gguf_file::open(model_path);
    gguf_writer out(path);
    gguf_set_kv(out.meta(), file->meta());
    gguf_set_val_u32(out.meta(), (file->str("general.architecture").value() + ".block_count").c_str(), n_layer);
    std::vector<const tensor_info *> wanted;
    for (const tensor_info & t : file->tensors()) {
        if (t.name.rfind("blk.", 0) != 0 || std::stoi(t.name.substr(4)) < n_layer) {
            wanted.push_back(&t);
            out.add_tensor(t.name, GGML_TYPE_F32, t.ne);
        }
    }
    out.begin();
    for (const tensor_info * t : wanted) {
        if (t->type == GGML_TYPE_F32) {
            out.write(t->data, t->n_bytes);
            continue;
        }
        std::vector<float> values(t->ne[0] * t->ne[1]);
        ggml_get_type_traits(t->type)->to_float(t->data, values.data(), (int64_t) values.size());
        out.write(values.data(), values.size() * sizeof(float));
    }
    out.commit();
}

std::vector<int32_t> random_tokens(uint64_t seed, int n) {
    std::vector<int32_t> out;
    for (int i = 0; i < n; i++) {
        out.push_back((int32_t) (uniform01(stream_key(seed, 0x746f6b), i) * fixtures::n_vocab));
    }
    return out;
}

std::vector<uint32_t> random_row(uint64_t seed, int n_prompt, int n_answer) {
    std::vector<uint32_t> out;
    for (int32_t t : random_tokens(seed, n_prompt + n_answer)) {
        out.push_back((uint32_t) t | ((int) out.size() >= n_prompt ? 0x80000000u : 0u));
    }
    return out;
}

micro_batch batch_of(const std::vector<std::vector<uint32_t>> & rows) {
    micro_batch mb;
    for (const auto & row : rows) {
        uint64_t id = 0; // of what it says: a row keeps its dropout wherever it lies
        for (uint32_t t : row) {
            id = mix64(id ^ t);
        }
        append_row(mb, row.data(), row.size(), 1 << 20, id);
    }
    return mb;
}

std::vector<float> adapter_values(const std::string & name, size_t n, uint64_t seed) {
    uint64_t key = stream_key(seed, 0x666978);
    for (unsigned char c : name) {
        key = mix64(key ^ c);
    }
    std::vector<float> out(n);
    for (size_t i = 0; i < n; i++) {
        out[i] = (2.0f * uniform01(key, i) - 1.0f) * 0.125f;
    }
    return out;
}

void fill_adapter(method & m, uint64_t seed) {
    m.init(seed);
    saved_tuning values = m.saved();
    for (saved_tuning::tensor & t : values.tensors) {
        if (t.part == "lora_a" || t.part == "lora_b") {
            t.values = adapter_values(t.name(), t.values.size(), seed);
        }
    }
    m.load(values);
}

double deviation(const std::vector<float> & a, const std::vector<float> & b) {
    if (a.size() != b.size()) {
        return 1e30;
    }
    double square = 0, worst = 0;
    for (size_t i = 0; i < b.size(); i++) {
        square += (double) b[i] * b[i];
        const double e = std::fabs((double) a[i] - b[i]);
        worst          = e <= worst ? worst : e; // a NaN stays
    }
    return b.empty() ? 0 : worst / std::max(1e-30, std::sqrt(square / (double) b.size()));
}

double relative_distance(const std::vector<float> & a, const std::vector<float> & b) {
    if (a.size() != b.size()) {
        return 1e30;
    }
    double square = 0, difference = 0;
    for (size_t i = 0; i < b.size(); i++) {
        square += (double) b[i] * b[i];
        difference += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
    }
    return std::sqrt(difference / std::max(1e-60, square));
}

} // namespace forja::test
