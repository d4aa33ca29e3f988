#include "export/adapter-gguf.hpp"

#include "peft/method-kind.hpp"

namespace forja {

void write_adapter_gguf(const saved_tuning & saved, const std::string & path) {
    require_exportable(saved, "gguf-adapter");
    write_tuning(saved, path);
}

} // namespace forja
