// A model file's program: what llama.cpp computes with it, as coarse operations in blocks.
#pragma once

#include "gguf/gguf-file.hpp"
#include "trace/program.hpp"

namespace forja::trace {

/// Captures and recognises. libllama ends the process over some broken files, so on Linux it is asked in a process of its own.
/// @param max_seq_len tokens of a row that will be used
/// @throws error: those of capture_graphs() and recognise(); model_unsupported where libllama crashed
program trace_model(const gguf_file & file, int max_seq_len);

} // namespace forja::trace
