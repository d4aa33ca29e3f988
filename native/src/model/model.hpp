// A base model ready to compute with: its shape and its frozen weights, as they lie in the file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ggml-cpp.h"
#include "gguf/gguf-file.hpp"
#include "model/architecture.hpp"
#include "model/device.hpp"
#include "model/hparams.hpp"
#include "model/weight-store.hpp"

namespace forja {

/// One linear layer of a block: weight ne = [n_in, n_out] of any type, bias ne = [n_out] F32 or null.
struct linear_weights {
    std::string           name; // of the weight tensor, for example "blk.0.attn_q.weight"
    ggml_tensor *         weight = nullptr;
    ggml_tensor *         bias   = nullptr;
    const tensor_info *   info   = nullptr; // the weight in the mapped file
    explicit operator bool() const { return weight != nullptr; }
};

/// The weights of one block; absent pieces are null. Norm weights ne = [width] F32.
struct block_weights {
    ggml_tensor *  attn_norm = nullptr, *attn_post_norm = nullptr, *ffn_norm = nullptr, *ffn_post_norm = nullptr;
    ggml_tensor *  q_norm = nullptr, *k_norm = nullptr; // ne = [head_dim]
    linear_weights q, k, v, qkv;                        // either q, k, v or the fused qkv
    linear_weights o;
    linear_weights gate, up, gate_up, down; // either gate and up or the fused gate_up
};

/// Loads and owns a base model. On the CPU the weights stay in the mapped file; on a GPU a weight_store holds them.
class model {
  public:
    /// @param max_seq_len tokens per row that will be used (see read_hparams)
    /// @param check_values reads every block of every tensor and refuses NaN and infinity
    /// @throws error: those of read_hparams, tensor_missing, tensor_unexpected, tensor_bad_shape, tensor_bad_type,
    ///         weights_not_finite; failure device_failed
    static std::shared_ptr<model> load(std::shared_ptr<gguf_file> file, std::shared_ptr<device> dev, int max_seq_len,
                                       bool check_values);

    const hparams &                    hp() const { return hp_; }
    const architecture &               arch() const { return *arch_; }
    const gguf_file &                  file() const { return *file_; }
    forja::device &                    device() const { return *dev_; }
    std::shared_ptr<forja::device>     device_ptr() const { return dev_; }
    const std::vector<block_weights> & blocks() const { return blocks_; }
    weight_store *                     weights() const { return weights_.get(); } // null on the CPU; an engine places it
    ggml_tensor *                      output_norm() const { return output_norm_; } // ne = [n_embd]
    const linear_weights &             output() const { return output_; }           // ne = [n_embd, n_vocab]
    ggml_tensor *                      rope_factors() const { return rope_factors_; } // ne = [n_rot / 2] or null
    bool                               tied_head() const { return tied_; }
    int64_t                            n_params() const { return n_params_; }
    ggml_type                          base_type() const { return base_type_; } // most common type of the block matrices

    /// Dequantises the embedding rows of `tokens`, times the architecture's embedding scale, into out [n_embd, n] F32.
    void embed(const int32_t * tokens, int64_t n, float * out) const;
    /// Dequantises rows of the output matrix into out [n_embd, n] F32, without scale.
    void head_rows(const int32_t * tokens, int64_t n, float * out) const;

  private:
    model() = default;
    void rows(const tensor_info & t, const int32_t * ids, int64_t n, float scale, float * out) const;

    std::shared_ptr<gguf_file>           file_;
    std::shared_ptr<forja::device>       dev_;
    const architecture *                 arch_ = nullptr;
    hparams                              hp_;
    std::vector<block_weights>           blocks_;
    ggml_tensor *                        output_norm_ = nullptr;
    linear_weights                       output_;
    ggml_tensor *                        rope_factors_ = nullptr;
    const tensor_info *                  embd_         = nullptr;
    bool                                 tied_         = false;
    int64_t                              n_params_     = 0;
    ggml_type                            base_type_    = GGML_TYPE_F32;
    ggml_context_ptr                     ctx_;
    std::vector<ggml_backend_buffer_ptr> buffers_; // on the CPU
    std::unique_ptr<weight_store>        weights_; // on other devices
};

/// Most common type of the two-dimensional block tensors of a file, by bytes.
ggml_type most_common_type(const gguf_file & file);

} // namespace forja
