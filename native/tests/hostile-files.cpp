// Files that the fuzzing campaigns (fuzz/) found to crash or hang what reads them: each is a sound fixture with one thing changed.
// Every one is refused with a code, or does no harm.
#include <functional>
#include <limits>
#include <vector>

#include "fixtures/tiny-model.hpp"
#include "gguf-parts.hpp"
#include "gguf/gguf-file.hpp"
#include "support/expect-error.hpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"
#include "targets.hpp"

using namespace forja;
using namespace forja::test;
namespace fx = forja::fixtures;

namespace {

struct hostile {
    const char *                                what;
    const char *                                variant;
    const char *                                code;
    std::function<void(fuzz::gguf_parts & p)> change;
};

// What ended in which way is said first.
const std::vector<hostile> & found() {
    static const std::vector<hostile> list{
        {"a rotation of no dimensions: ggml's rope never ended", "qwen2-yarn", "gguf_bad_metadata",
         [](fuzz::gguf_parts & p) { p.set_u32("qwen2.rope.dimension_count", 0); }},
        {"the same without scaling", "llama", "gguf_bad_metadata", [](fuzz::gguf_parts & p) { p.set_u32("llama.rope.dimension_count", 0); }},
        {"a negative number of rotated dimensions", "llama", "gguf_bad_metadata", [](fuzz::gguf_parts & p) { p.set_i32("llama.rope.dimension_count", -2); }},
        {"more rotated dimensions than a number of 31 bits holds: ggml's rope left its memory", "qwen3", "gguf_bad_metadata",
         [](fuzz::gguf_parts & p) { p.set_u32("qwen3.rope.dimension_count", 2733633698u); }},
        {"weights at addresses that hold no numbers of their size, by an alignment of 2", "llama", "gguf_bad_metadata",
         [](fuzz::gguf_parts & p) {
             p.set_u32("general.alignment", 2);
             p.alignment = 2;
         }},
        {"an odd number of rotated dimensions: ggml ended the process", "gemma3", "gguf_bad_metadata", [](fuzz::gguf_parts & p) { p.set_u32("gemma3.rope.dimension_count", 3); }},
        {"an epsilon that is no number, with which the graph computes: an exception of the JSON library", "llama", "gguf_bad_metadata",
         [](fuzz::gguf_parts & p) { p.set_f32("llama.attention.layer_norm_rms_epsilon", std::numeric_limits<float>::quiet_NaN()); }},
    };
    return list;
}

} // namespace

int main() {
    const temporary_folder dir;
    for (const hostile & h : found()) {
        fx::model_options o;
        o.variant              = h.variant;
        const std::string path = dir.path("model.gguf");
        fx::write_tiny_model(o, path);
        auto parts = fuzz::take_apart(read_all(path));
        check(parts && parts->bytes() == read_all(path), std::string("taken apart and put together again: ") + h.variant);
        h.change(*parts);
        const std::string code = fuzz::find_target("model")->run(parts->bytes());
        check(code == h.code, std::string(h.what) + ": " + (code.empty() ? "accepted" : code));
    }
    return result();
}
