// Which type each tensor of a merged file gets.
//
// For a chosen output type the choice per tensor is the one that llama.cpp's own llama_model_quantize makes without an
// importance matrix (output matrix and attention values larger than the rest in the K mixes, fallbacks where a row is no
// multiple of 256, and so on), for the architectures that Forja trains. llama_model_quantize itself is not used: it works
// from a file, so a merged copy at F16 or F32 would have to be written first, with twice the disk space and time. A test holds
// the two equal, tensor by tensor.
#pragma once

#include <string>
#include <vector>

#include "ggml.h"
#include "llama.h"

#include "gguf/gguf-file.hpp"

namespace forja {

struct output_type_info {
    const char * name;         // as in the job: "q4_k_m"
    llama_ftype  ftype;        // general.file_type
    ggml_type    default_type; // of most matrices
};

/// All output types but "same".
const std::vector<output_type_info> & output_types();

/// nullptr when unknown.
const output_type_info * find_output_type(const std::string & name);

/// The type of every tensor of `base` (in its order) in a file of type `output`.
std::vector<ggml_type> plan_types(const gguf_file & base, const output_type_info & output);

/// `type` itself where a matrix can be quantised to it without an importance matrix; otherwise the nearest larger type that can.
ggml_type type_without_importance(ggml_type type);

} // namespace forja
