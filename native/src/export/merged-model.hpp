// The tuned model, tensor by tensor, wherever its bytes go: every tuned matrix as its method folds it, all else as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "export/input-collector.hpp"
#include "export/merge-rows.hpp"
#include "gguf/gguf-file.hpp"
#include "peft/saved-tuning.hpp"

namespace forja {

/// Whether matrices of this type are rounded with their inputs in mind where these are known: those of fewer than 8 bits on an even grid.
bool rounds_with_feedback(ggml_type type);

class merged_model {
  public:
    /// With output_type "same" every tensor keeps its type, and rows that the adapter doesn't change are copied byte for byte; with
    /// another, types are those of quant-mix.hpp. Adapted matrices of a type that can't be made without an importance matrix
    /// get a larger one, with the warning export_type_changed.
    /// @param inputs of the adapted matrices, where there are some: these matrices are then rounded with error feedback, and matrices of
    ///        other types with an importance matrix. All are kept by reference.
    /// @throws error adapter_mismatch, export_refused, output_type_unknown, tensor_bad_type
    merged_model(const gguf_file & base, const saved_tuning & saved, const std::string & output_type, const input_sketches & inputs, const warning_fn & warn);

    const std::vector<ggml_type> & types() const { return types_; } // in the base's order
    int64_t                        tensors_merged() const { return tensors_merged_; }

    /// Whether any matrix is rounded with its inputs in mind.
    bool has_feedback() const;

    /// Metadata as the merged file has it, and its tensors' names, types and shapes.
    void describe(gguf_context * to) const;

    /// As large as the file will be.
    uint64_t total_bytes() const;

    /// Receives bytes of tensor i, from `offset` on; by several threads at a time.
    using sink_fn = std::function<void(size_t i, uint64_t offset, const uint8_t * bytes, size_t n_bytes)>;

    /// Makes those tensors that `wanted` says, on `threads` threads. report: bytes made so far, by the calling thread.
    /// @throws error weights_not_finite, export_overflow, and whatever the sink or report throws
    void make(const std::function<bool(size_t i)> & wanted, int threads, const sink_fn & sink, const std::function<void(uint64_t done)> & report) const;

  private:
    bool has_feedback(size_t i) const;
    void make_by_pieces(const std::function<bool(size_t i)> & wanted, int threads, const sink_fn & sink, const std::function<void(uint64_t bytes)> & report) const;
    void make_with_feedback(const std::function<bool(size_t i)> & wanted, int threads, const sink_fn & sink, const std::function<void(uint64_t bytes)> & report) const;

    const gguf_file &          base_;
    const input_sketches &      inputs_;
    std::string                output_type_;
    std::vector<ggml_type>     types_;
    std::vector<std::unique_ptr<row_fold>> folds_;
    std::vector<merged_tensor> tensors_;
    int64_t                    tensors_merged_ = 0;
};

} // namespace forja
