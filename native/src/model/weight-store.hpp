// A base model's weights in the memory of a device: all of them, or a window that blocks stream through.
//
// Blocks take turns in a few slots: block il lies in slot il % n_slots, so its tensors keep their addresses, and passes that go
// up and then down through the blocks find the last n_slots of them in place at each turn. The next block can be uploaded while
// the device computes the present one, which lies in another slot. The output matrix is whole or comes slab by slab.
#pragma once

#include <memory>
#include <vector>

#include "ggml-cpp.h"
#include "gguf/gguf-file.hpp"
#include "ops/device.hpp"

namespace forja {

/// A tensor of the model and where its values lie in the mapped file.
struct stored_weight {
    ggml_tensor *       tensor = nullptr;
    const tensor_info * info   = nullptr;
    int                 block  = -1;    // -1: of no block
    bool                head   = false; // the output matrix
};

/// How much of the weights a device holds.
struct weight_placement {
    int     n_slots   = 0; // blocks held at a time; n_layer for all of them
    int64_t head_rows = 0; // rows of the output matrix held at a time; 0 for all
};

class weight_store {
  public:
    /// The tensors get addresses at place(); until then graphs over them can be built but not run.
    weight_store(std::shared_ptr<device> dev, std::vector<stored_weight> weights, int n_blocks);

    int     n_blocks() const { return (int) blocks_.size(); }
    int64_t head_rows() const { return head_.tensor->ne[1]; }

    /// Device bytes of a placement.
    size_t bytes(const weight_placement & p) const;

    /// Allocates, and uploads what stays. May be called again to place otherwise. False where the device has no such memory.
    bool place(const weight_placement & p);

    const weight_placement & placement() const { return placement_; }
    bool                     placed() const { return placement_.n_slots > 0; }
    size_t                   device_bytes() const;
    /// Bytes sent to the device so far.
    uint64_t uploaded_bytes() const { return uploaded_; }

    /// Sees to it that block il is in its slot.
    void fetch(int il);
    /// Whether block il can be fetched while block `running` is computed.
    bool apart(int il, int running) const { return il % placement_.n_slots != running % placement_.n_slots; }

    /// Pieces that the output matrix comes in; 0 where it is whole.
    int n_head_slabs() const { return (int) slabs_.size(); }
    /// Piece i, uploaded: rows i * head_rows and on, as a matrix of their own. The piece before it is gone then.
    const stored_weight & head_slab(int i);

  private:
    struct padding { // what a backend reads behind a tensor's values and expects to be zero
        ggml_tensor * behind, * zeros;
    };
    size_t size_of(const ggml_tensor * t) const;
    size_t size_of(const std::vector<stored_weight> & list) const;
    size_t head_bytes(int64_t head_rows) const;
    void   make_slabs();
    bool   allocate(size_t bytes, ggml_backend_buffer_ptr & buffer) const;
    void   lay_out(const std::vector<stored_weight> & list, ggml_backend_buffer_t buffer);
    void   upload(const stored_weight & w);
    void   release();

    std::shared_ptr<device>                 dev_;
    size_t                                  alignment_;
    std::vector<stored_weight>              common_;
    std::vector<std::vector<stored_weight>> blocks_;
    stored_weight                           head_;
    weight_placement                        placement_;
    ggml_backend_buffer_ptr                 common_buffer_, head_buffer_;
    std::vector<ggml_backend_buffer_ptr>    slots_;
    std::vector<int>                        held_; // block in each slot, -1 for none
    ggml_context_ptr                        ctx_;  // of paddings and slabs
    std::vector<padding>                    paddings_;
    std::vector<stored_weight>              slabs_;
    std::vector<tensor_info>                slab_infos_;
    int                                     slab_held_ = -1;
    uint64_t                                uploaded_ = 0;
};

} // namespace forja
