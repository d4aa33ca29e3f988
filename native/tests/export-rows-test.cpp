// Rows of a tensor on their way into the merged file, against one row at a time with plain loops and ggml's own conversions; and
// tensors of several pieces, made by several threads.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/llama-log.hpp"
#include "export/merge-gguf.hpp"
#include "export/merge-rows.hpp"
#include "fixtures/tiny-model.hpp"
#include "support/kernel-checks.hpp"
#include "peft/lora.hpp"
#include "support/random-adapter.hpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja;
using namespace forja::test;
namespace fx = forja::fixtures;

namespace {

/// A tensor of 512 x 301 with an adapter of rank 6 that leaves every third row and a stretch of rows as they are.
struct example {
    static constexpr int64_t n_in = 512, n_out = 301, rank = 6;
    static constexpr float   scale = 0.75f;
    std::vector<uint8_t>     bytes;
    tensor_info              info{};
    saved_tuning             tuning;

    explicit example(ggml_type type) {
        generator                g{61};
        const std::vector<float> x = g.floats(n_in * n_out, 0.05f);
        bytes.resize(ggml_row_size(type, n_in) * n_out);
        ggml_quantize_chunk(type, x.data(), bytes.data(), 0, n_out, n_in, nullptr);
        info   = {"w", type, {n_in, n_out, 1, 1}, 2, bytes.size(), 0, bytes.data()};
        tuning.settings.lora_alpha = static_cast<double>(scale) * rank;
        tuning.tensors.push_back({"w", "lora_a", n_in, rank, g.floats(n_in * rank, 0.1f)});
        tuning.tensors.push_back({"w", "lora_b", rank, n_out, g.floats(rank * n_out, 0.1f)});
        for (int64_t row = 0; row < n_out; ++row) {
            if (row % 3 == 0 || (row > 100 && row < 180)) {
                std::fill_n(tuning.tensors[1].values.begin() + row * rank, rank, 0.0f);
            }
        }
    }

    /// The merged tensor as one would write it on paper.
    std::vector<uint8_t> by_hand(ggml_type to, bool adapted) const {
        const size_t         old_size = ggml_row_size(info.type, n_in), new_size = ggml_row_size(to, n_in);
        std::vector<uint8_t> out(new_size * n_out);
        std::vector<float>   row(n_in), products(rank);
        for (int64_t r = 0; r < n_out; ++r) {
            const uint8_t * old = bytes.data() + static_cast<size_t>(r) * old_size;
            if (info.type == GGML_TYPE_F32) {
                std::memcpy(row.data(), old, old_size);
            } else {
                ggml_get_type_traits(info.type)->to_float(old, row.data(), n_in);
            }
            bool changed = false;
            for (int64_t i = 0; adapted && i < n_in; ++i) {
                for (int64_t j = 0; j < rank; ++j) {
                    const float c = scale * tuning.tensors[1].values[static_cast<size_t>(r * rank + j)];
                    changed       = changed || c != 0.0f;
                    products[j]   = c * tuning.tensors[0].values[static_cast<size_t>(j * n_in + i)];
                }
                if (changed) { // four together, then one by one: the order that add_low_rank promises
                    const float low = products[0] + products[1], high = products[2] + products[3];
                    row[i] += low + high;
                    row[i] += products[4];
                    row[i] += products[5];
                }
            }
            uint8_t * made = out.data() + static_cast<size_t>(r) * new_size;
            if (!changed && to == info.type) {
                std::memcpy(made, old, new_size);
            } else {
                ggml_quantize_chunk(to, row.data(), made, 0, 1, n_in, nullptr);
            }
        }
        return out;
    }
};

void test_rows(ggml_type from, ggml_type to, bool adapted) {
    const example        e(from);
    const lora_fold      fold(e.tuning, "w");
    const merged_tensor  t(e.info, to, adapted ? &fold : nullptr);
    std::vector<uint8_t> got(t.new_row_bytes() * example::n_out, 0xab);
    merge_scratch        scratch;
    for (const int64_t first : {200, 0, 7}) { // in any order, blocks cut anywhere: the last rows, the first seven, the rest
        const int64_t end = first == 200 ? example::n_out : first == 0 ? 7 : 200;
        t.convert(first, end - first, got.data() + static_cast<size_t>(first) * t.new_row_bytes(), scratch, nullptr);
    }
    const std::string name = std::string(ggml_type_name(from)) + " to " + ggml_type_name(to) + (adapted ? ", adapted" : "");
    check(got == e.by_hand(to, adapted), "rows as one would write them on paper: " + name);
}

/// The embedding is made in two pieces, by whichever thread comes first.
void test_pieces(const temporary_folder & dir) {
    fx::model_options o;
    o.type                 = GGML_TYPE_F16;
    o.n_vocab              = 9000; // times 64: over half a million numbers
    const std::string path = dir.path("base.gguf"), out = dir.path("merged.gguf");
    fx::write_tiny_model(o, path);
    const auto base = gguf_file::open(path);
    for (const char * type : {"same", "f32"}) {
        merge_to_gguf(*base, random_adapter(*base, 4, 8, false, 0.0f), type, out, 3, {}, {});
        const auto merged = gguf_file::open(out);
        bool       same   = merged->tensors().size() == base->tensors().size();
        for (const tensor_info & t : base->tensors()) {
            const tensor_info *  u = merged->find(t.name);
            std::vector<uint8_t> want(t.data, t.data + t.n_bytes);
            if (u->type != t.type) {
                want.resize(2 * t.n_bytes);
                ggml_get_type_traits(t.type)->to_float(t.data, reinterpret_cast<float *>(want.data()), static_cast<int64_t>(t.n_bytes / 2));
            }
            same = same && u->n_bytes == want.size() && std::memcmp(u->data, want.data(), want.size()) == 0;
        }
        check(same, std::string("a tensor of several pieces keeps its numbers: ") + type);
    }
}

} // namespace

int main() {
    quiet_llama_log();
    on_every_isa([] {
        for (const bool adapted : {false, true}) {
            for (const ggml_type from : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_1}) {
                for (const ggml_type to : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_1}) {
                    test_rows(from, to, adapted);
                }
            }
        }
    });
    const temporary_folder dir;
    test_pieces(dir);
    return result();
}
