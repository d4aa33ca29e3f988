// What the matrices of a tuned model are multiplied with, on rows of text: stock libllama runs base + adapter, and the inputs of
// the products with the matrices asked for are sketched.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "export/input-sketch.hpp"

namespace forja {

struct collector_options {
    std::string model_path, adapter_path;
    std::string tokens_path;         // rows of the run (.fjt)
    uint64_t    max_tokens  = 768;
    uint32_t    max_seq_len = 512;
    int         threads     = 1;
    std::string device      = "cpu";
};

/// By the matrix's name. Matrices that are multiplied with the same inputs (q, k and v; gate and up) share one sketch; a matrix that is used
/// in another way than by a plain product (a mixture's experts) has none.
using input_sketches = std::map<std::string, std::shared_ptr<const input_sketch>>;

/// Runs the model once over rows of the file, from its last back, until max_tokens were read. The rows are dealt out to four contexts, whatever
/// the number of threads, each with columns of the sketches for itself: the same rows give the same sketches.
/// @param matrices the base's tensors whose inputs are wanted
/// @throws error token_file_*, adapter_mismatch, device_not_found, export_unusable, and whatever progress throws
input_sketches collect_inputs(const collector_options & options, const std::vector<std::string> & matrices, const progress_fn & progress);

/// Bytes that the sketch of n inputs takes.
uint64_t input_sketch_bytes(int64_t n_in);

} // namespace forja
