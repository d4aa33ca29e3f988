// libllama's and ggml's log, kept quiet: only warnings and errors reach stderr, and the last error can be put in a message.
#pragma once

#include <functional>
#include <string>

struct llama_model;

namespace forja {

/// Installs the log callback; safe to call again.
void quiet_llama_log();

/// The last error line since the last call, without its line end; empty when there was none.
std::string take_llama_error();

/// Calls one of libllama's loaders. It throws exceptions of the standard library at some damaged files: null then, and the reason is what
/// take_llama_error() gives.
llama_model * load_llama_file(const std::function<llama_model *()> & load);

/// What libllama and ggml warn of and fail at during `work`, returned instead of written to stderr. One caller at a time.
std::string llama_log_of(const std::function<void()> & work);

} // namespace forja
