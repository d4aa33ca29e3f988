// How many parameters a file has.
#pragma once

#include "gguf/gguf-file.hpp"

namespace forja {

/// Numbers of all weights. Tables that follow from the architecture are none: a converter wrote them down so that nobody has to
/// compute them (rope_freqs, rope_factors_long, rope_factors_short), and other formats of the same model don't hold them.
inline int64_t count_parameters(const gguf_file & file) {
    int64_t n = 0;
    for (const tensor_info & t : file.tensors()) {
        if (!t.name.starts_with("rope_f")) {
            n += t.ne[0] * t.ne[1] * t.ne[2] * t.ne[3];
        }
    }
    return n;
}

} // namespace forja
