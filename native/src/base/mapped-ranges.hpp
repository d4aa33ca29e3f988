// Which files are mapped where: what a signal handler needs to name the file whose page could not be read.
#pragma once

#include <cstddef>
#include <cstdint>

namespace forja::mapped_ranges {

/// Notes a mapping of `n` bytes; what doesn't fit the table stays unnamed.
void add(const uint8_t * from, size_t n, const char * path);

void remove(const uint8_t * from);

/// The path of the file that is mapped at an address, or null. May be called in a signal handler; valid until it is unmapped.
const char * path_at(const void * address);

} // namespace forja::mapped_ranges
