#include "export/loadable-tuning.hpp"

#include <filesystem>

#include "base/files.hpp"
#include "export/adapter-gguf.hpp"
#include "export/merge-gguf.hpp"
#include "peft/method-kind.hpp"

namespace forja {

loadable_tuning::loadable_tuning(const saved_tuning & saved, const gguf_file & base, const std::string & file, const std::string & temporary, int threads) {
    const bool is_adapter = !refusal_of(saved, "gguf-adapter");
    if (is_adapter && !file.empty()) {
        adapter_path_ = file;
        return;
    }
    temporary_ = temporary;
    if (is_adapter) {
        write_adapter_gguf(saved, temporary_);
        adapter_path_ = temporary_;
    } else {
        merge_to_gguf(base, saved, "f16", temporary_, threads, {}, {});
        model_path_ = temporary_;
    }
}

loadable_tuning::~loadable_tuning() {
    if (!temporary_.empty()) {
        std::error_code ec;
        std::filesystem::remove(utf8_path(temporary_), ec);
    }
}

} // namespace forja
