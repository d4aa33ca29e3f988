// How much memory this process takes.
#pragma once

#include <cstdint>

namespace forja {

/// Most memory ever resident, in bytes, pages of mapped files included; 0 where the system doesn't say.
uint64_t peak_memory_bytes();

} // namespace forja
