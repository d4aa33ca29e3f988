// One tensor on its way from the base to the merged file: rows are read as numbers, folded by the method and written as
// the new type, a block that fits the processor's cache at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "export/feedback-rounding.hpp"
#include "gguf/gguf-file.hpp"
#include "ops/cpu/kernels.hpp"
#include "peft/method-kind.hpp"

namespace forja {

/// What is added to the diagonal of a matrix's second moments, as a share of its median.
inline constexpr float rounding_damping = 0.003f;

/// Room that a thread keeps from one call to the next.
struct merge_scratch {
    std::vector<float> rows; // a block, as F32
    std::vector<float> fold; // the method's own
    rounding_scratch   rounding;
};

class merged_tensor {
  public:
    /// @param fold nullptr: not tuned. Kept by reference, as is `from`.
    merged_tensor(const tensor_info & from, ggml_type to, const row_fold * fold);

    /// The base's bytes are what is to be written.
    bool    is_copy() const { return fold_ == nullptr && from_.type == to_; }
    bool    is_tuned() const { return fold_ != nullptr; }
    int64_t n_rows() const { return from_.ne[1] * from_.ne[2] * from_.ne[3]; }
    int64_t n_in() const { return from_.ne[0]; }
    size_t  old_row_bytes() const { return old_row_bytes_; }
    size_t  new_row_bytes() const { return new_row_bytes_; }

    /// Writes rows [first, first + n) as the new type to `out`. Rows that the method doesn't change and that keep their
    /// type are copied. Any number of threads may do so, each with its own scratch.
    /// @param inputs of the matrix: rows are rounded with error feedback, from the base's own factors where the type stays, else from ggml's,
    ///        found with the inputs' mean squares as importance. nullptr: to the nearest.
    /// @throws error weights_not_finite, export_overflow, naming the row.
    void convert(int64_t first, int64_t n, uint8_t * out, merge_scratch & scratch, const input_basis * inputs) const;

  private:
    bool is_changed(int64_t row) const { return fold_ != nullptr && fold_->changes(row); }
    void read(int64_t first, int64_t n, float * rows) const;
    void round_well(int64_t first, int64_t n, const float * rows, uint8_t * out, const input_basis & inputs, rounding_scratch & scratch) const;
    void write(int64_t first, int64_t n, const float * rows, uint8_t * out, const input_basis * inputs, rounding_scratch & scratch) const;
    bool written_well(int64_t n, const float * rows, const uint8_t * out) const;

    const tensor_info & from_;
    ggml_type           to_;
    const row_fold *    fold_;
    size_t              old_row_bytes_, new_row_bytes_;
    cpu::to_float_fn    to_float_;   // null: F32
    cpu::from_float_fn  from_float_; // null: as ggml_quantize_chunk does
};

} // namespace forja
