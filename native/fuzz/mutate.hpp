// Mutations that follow from a number alone: the same ones on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.hpp"

namespace forja::fuzz {

/// Random choices out of one key.
class dice {
  public:
    explicit dice(uint64_t key) : key_(key) {}
    uint64_t next() { return mix64(key_ + 0x9e3779b97f4a7c15ull * ++n_); }
    /// Below n; 0 where n is 0.
    uint64_t below(uint64_t n) { return n == 0 ? 0 : next() % n; }
    bool     one_in(uint64_t n) { return below(n) == 0; }
    /// A number at which programs break: 0, 1, powers of two and their neighbours, the ends of the types.
    uint64_t number();

  private:
    uint64_t key_, n_ = 0;
};

/// Changes bytes: flips, numbers written over, pieces copied, cut out, put in, the end cut off.
void mutate_bytes(std::string & bytes, dice & d);

/// Changes a GGUF's parts (keys, values, lengths, tensors, weights) and mends the rest around it; now and then bytes as well.
/// What can't be taken apart has bytes changed.
void mutate_gguf(std::string & bytes, dice & d);

/// Changes JSON by its own pieces: values replaced by others, doubled, nested, cut.
void mutate_json(std::string & bytes, dice & d);

} // namespace forja::fuzz
