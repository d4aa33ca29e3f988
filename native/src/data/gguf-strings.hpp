// Lists of texts in a model file's metadata.
#pragma once

#include <cstdint>

#include "gguf.h"
#include "gguf/gguf-file.hpp"

namespace forja {

/// The number of a key that holds a list of texts, for gguf_get_arr_n and gguf_get_arr_str; -1 where there is none.
inline int64_t string_array(const gguf_file & model, const char * key) {
    const int64_t id = gguf_find_key(model.meta(), key);
    const bool    ok = id >= 0 && gguf_get_kv_type(model.meta(), id) == GGUF_TYPE_ARRAY && gguf_get_arr_type(model.meta(), id) == GGUF_TYPE_STRING;
    return ok ? id : -1;
}

} // namespace forja
