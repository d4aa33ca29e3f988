// Work that may bring its process down, done in another one.
#pragma once

#include <functional>
#include <string>

namespace forja {

/// Returns what `work` returns. On Linux it runs in a forked process, whose crash gives an empty text; elsewhere here. Nothing that it
/// changes in memory is seen by the caller. It must not use a GPU, nor threads that exist already.
std::string run_apart(const std::function<std::string()> & work);

} // namespace forja
