#include "export/merge-gguf.hpp"

#include <algorithm>

#include "base/files.hpp"
#include "export/merged-model.hpp"
#include "gguf/gguf-writer.hpp"

namespace forja {

merge_result merge_to_gguf(const gguf_file & base, const saved_tuning & saved, const std::string & output_type, const std::string & output_path,
                           int threads, const progress_fn & progress, const warning_fn & warn, const input_sketches & inputs) {
    const merged_model merged(base, saved, output_type, inputs, warn);
    gguf_writer        out(output_path);
    merged.describe(out.meta());
    for (size_t i = 0; i < merged.types().size(); ++i) {
        out.add_tensor(base.tensors()[i].name, merged.types()[i], base.tensors()[i].ne);
    }
    const uint64_t total = out.total_bytes();
    require_free_space(output_path, total);
    out.begin();
    merged.make([](size_t) { return true; }, std::max(threads, 1),
                [&](size_t i, uint64_t offset, const uint8_t * bytes, size_t n) { out.write_at(i, offset, bytes, n); },
                [&](uint64_t done) {
                    if (progress) {
                        progress(done, total);
                    }
                });
    if (progress) {
        progress(total, total);
    }
    out.commit();
    return {total, merged.tensors_merged(), output_type, merged.has_feedback()};
}

} // namespace forja
