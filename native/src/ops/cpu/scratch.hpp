// How the kernels cut a caller's scratch memory into aligned pieces. No instruction set in here: sizes must be the same
// for all of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace forja::cpu {

constexpr int64_t PAD_FLOATS = 16; // rows of packed tiles are padded to the widest vector

inline int64_t padded(int64_t n_floats) { return (n_floats + PAD_FLOATS - 1) / PAD_FLOATS * PAD_FLOATS; }

/// Bytes to ask for so that n_floats fit behind any alignment.
inline size_t scratch_bytes(int64_t n_floats) { return (size_t) n_floats * sizeof(float) + 64; }

/// Hands out pieces front to back; every piece begins on a cache line when its predecessors are padded.
struct scratch_cursor {
    float * next;
    explicit scratch_cursor(void * memory) : next((float *) (((uintptr_t) memory + 63) & ~(uintptr_t) 63)) {}
    float * take(int64_t n_floats) {
        float * piece = next;
        next += padded(n_floats);
        return piece;
    }
};

} // namespace forja::cpu
