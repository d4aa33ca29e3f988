// Where the blocks' inputs lie between the way forward and the way back. One slot holds one hidden state, [n_embd, T] F32.
//
// Each block's input is kept where there is room. Where there isn't, only every stride-th is, and the way back computes the inputs
// in between once more from the last kept one: for one more forward pass at most, n_layer / stride + stride slots do instead of
// n_layer.
#pragma once

#include <cstdint>

namespace forja {

class input_slots {
  public:
    input_slots() = default;

    /// @param lowest first block whose input must be kept (n_layer: none); those below take turns in two slots
    /// @param stride every how manieth of the inputs from there on is kept, 1: each
    input_slots(int n_layer, int lowest, int stride);

    /// How many slots there are: those of the inputs, and one of the last block's output.
    int count() const;

    /// The slot of block il's input, or of the last block's output for il = n_layer.
    int at(int il) const;

    /// The block whose kept input block il's is computed from: il itself where its own is kept. For il >= lowest.
    int origin(int il) const;

    int stride() const { return stride_; }

    /// The smallest stride that needs no more than max_slots, or the one that needs fewest.
    static int stride_within(int n_layer, int lowest, int64_t max_slots);

    /// The stride that needs the fewest slots.
    static int longest_stride(int n_layer, int lowest);

  private:
    int n_layer_ = 0, lowest_ = 0, stride_ = 1;
};

} // namespace forja
