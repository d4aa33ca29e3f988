// A tuning as libllama can load it: an adapter beside the base or, where llama.cpp has no such adapter, a merged model.
#pragma once

#include <string>

#include "gguf/gguf-file.hpp"
#include "peft/saved-tuning.hpp"

namespace forja {

class loadable_tuning {
  public:
    /// @param file the tuning's own GGUF file where it has one, else ""
    /// @param temporary where a file may be written; it is removed at the end. A merged one has F16 weights: 2 bytes a parameter
    /// @throws error what write_adapter_gguf() and merge_to_gguf() throw
    loadable_tuning(const saved_tuning & saved, const gguf_file & base, const std::string & file, const std::string & temporary, int threads);
    ~loadable_tuning();
    loadable_tuning(const loadable_tuning &)             = delete;
    loadable_tuning & operator=(const loadable_tuning &) = delete;

    /// The adapter to load beside the base; "" where the model itself is another.
    const std::string & adapter_path() const { return adapter_path_; }
    /// The merged model to load in the base's place; "" where it is the base.
    const std::string & model_path() const { return model_path_; }

  private:
    std::string adapter_path_, model_path_, temporary_;
};

} // namespace forja
