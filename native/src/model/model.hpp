// A base model ready to compute with: its shape and its frozen weights, as they lie in the file.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ggml-cpp.h"
#include "gguf/gguf-file.hpp"
#include "ops/device.hpp"
#include "model/hparams.hpp"
#include "model/weight-store.hpp"
#include "ops/weights.hpp"
#include "peft/tunable.hpp"
#include "trace/program.hpp"

namespace forja {

struct model_loader;

/// Loads and owns a base model: what llama.cpp computes with this file, as a program, and the weights that it needs. On the CPU they
/// stay in the mapped file; on a GPU a weight_store holds them.
class model : public tunable {
  public:
    /// @param max_seq_len tokens per row that will be used: decides between short and long rotary factors
    /// @param check_values reads every block of every tensor and refuses NaN and infinity
    /// @throws error: those of trace::trace_model, tensor_missing, tensor_bad_type, weights_not_finite;
    ///         failure device_failed
    static std::shared_ptr<model> load(std::shared_ptr<gguf_file> file, std::shared_ptr<forja::device> dev, int max_seq_len,
                                       bool check_values);

    const hparams &                hp() const { return hp_; }
    const trace::program &         program() const { return program_; }
    const gguf_file &              file() const { return *file_; }
    forja::device &                device() const override { return *dev_; }
    std::shared_ptr<forja::device> device_ptr() const { return dev_; }
    weight_store *                 weights() const { return weights_.get(); } // null on the CPU; an engine places it
    const linear_weights &         output() const { return *output_; }        // ne = [n_embd, n_vocab]
    int64_t                        n_params() const { return n_params_; }
    ggml_type                      base_type() const { return base_type_; } // most common type of the block matrices

    const std::vector<site> & sites() const override { return sites_; }
    const std::string &       architecture() const override { return hp_.architecture; }
    std::string               name() const override { return file_->str("general.name").value_or(""); }
    int                       n_layer() const override { return hp_.n_layer; }

    /// A tensor of the program by name; null for the empty name.
    ggml_tensor *          tensor(const std::string & name) const { return name.empty() ? nullptr : tensors_.at(name); }
    const linear_weights & linear(const std::string & name) const { return linears_.at(name); }

    /// What makes blocks' graphs alike: their steps and their weights' types.
    std::string kind_of(int block) const;

    /// Dequantises the embedding rows of `tokens`, times the model's factor on embeddings, into out [n_embd, n] F32.
    void embed(const int32_t * tokens, int64_t n, float * out) const;
    /// Dequantises rows of the output matrix into out [n_embd, n] F32, without scale.
    void head_rows(const int32_t * tokens, int64_t n, float * out) const;

  private:
    model() = default;
    void rows(const tensor_info & t, const int32_t * ids, int64_t n, float scale, float * out) const;

    void bind(model_loader & in, const trace::part & p);

    std::shared_ptr<gguf_file>            file_;
    std::shared_ptr<forja::device>        dev_;
    hparams                               hp_;
    trace::program                        program_;
    std::map<std::string, ggml_tensor *>  tensors_;
    std::map<std::string, linear_weights> linears_;
    std::vector<site>                     sites_;
    const linear_weights *                output_    = nullptr;
    const tensor_info *                   embd_      = nullptr;
    int64_t                               n_params_  = 0;
    ggml_type                             base_type_ = GGML_TYPE_F32;
    ggml_context_ptr                     ctx_;
    std::vector<ggml_backend_buffer_ptr> buffers_; // on the CPU
    std::unique_ptr<weight_store>        weights_; // on other devices
};

/// Most common type of the block matrices of a file, experts included, by bytes.
ggml_type most_common_type(const gguf_file & file);

} // namespace forja
