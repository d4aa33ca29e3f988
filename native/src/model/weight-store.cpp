#include "model/weight-store.hpp"

#include <algorithm>

namespace forja {

namespace {

// Any address that is none: graphs can be built and measured over tensors that are not placed yet.
void mark_unplaced(ggml_tensor * t) {
    t->buffer = nullptr;
    t->data   = (void *) 256;
}

} // namespace

weight_store::weight_store(std::shared_ptr<device> dev, std::vector<stored_weight> weights, int n_blocks)
    : dev_(std::move(dev)), alignment_(ggml_backend_buft_get_alignment(dev_->buffer_type())), blocks_(n_blocks) {
    for (const stored_weight & w : weights) {
        mark_unplaced(w.tensor);
        if (w.head) {
            head_ = w;
        } else if (w.block >= 0) {
            blocks_[w.block].push_back(w);
        } else {
            common_.push_back(w);
        }
    }
}

size_t weight_store::size_of(const ggml_tensor * t) const {
    return GGML_PAD(ggml_backend_buft_get_alloc_size(dev_->buffer_type(), t), alignment_);
}

size_t weight_store::size_of(const std::vector<stored_weight> & list) const {
    size_t sum = 0;
    for (const stored_weight & w : list) {
        sum += size_of(w.tensor);
    }
    return sum;
}

size_t weight_store::bytes(const weight_placement & p) const {
    std::vector<size_t> slots(p.n_slots, 0);
    for (int il = 0; il < n_blocks(); il++) {
        slots[il % p.n_slots] = std::max(slots[il % p.n_slots], size_of(blocks_[il]));
    }
    size_t sum = size_of(common_);
    for (size_t s : slots) {
        sum += s;
    }
    return sum + head_bytes(p.head_rows);
}

size_t weight_store::head_bytes(int64_t head_rows) const {
    const size_t whole = size_of(head_.tensor), behind = whole - ggml_nbytes(head_.tensor);
    return head_rows > 0 ? GGML_PAD(head_.tensor->nb[1] * head_rows + behind, alignment_) : whole;
}

bool weight_store::allocate(size_t bytes, ggml_backend_buffer_ptr & buffer) const {
    buffer.reset(ggml_backend_buft_alloc_buffer(dev_->buffer_type(), std::max<size_t>(bytes, alignment_)));
    if (buffer) {
        ggml_backend_buffer_set_usage(buffer.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    }
    return buffer != nullptr;
}

void weight_store::lay_out(const std::vector<stored_weight> & list, ggml_backend_buffer_t buffer) {
    auto address = (uint8_t *) ggml_backend_buffer_get_base(buffer);
    for (const stored_weight & w : list) {
        w.tensor->data = nullptr;
        ggml_backend_tensor_alloc(buffer, w.tensor, address);
        // The backend zeroed what lies behind the values; the values of another block in the same slot may come to lie there.
        const size_t used = ggml_nbytes(w.tensor), size = ggml_backend_buft_get_alloc_size(dev_->buffer_type(), w.tensor);
        if (w.block >= 0 && placement_.n_slots < n_blocks() && size > used) {
            ggml_tensor * zeros = ggml_new_tensor_1d(ctx_.get(), GGML_TYPE_I8, (int64_t) (size - used));
            ggml_backend_tensor_alloc(buffer, zeros, address + used);
            paddings_.push_back({w.tensor, zeros});
        }
        address += size_of(w.tensor);
    }
}

void weight_store::release() {
    for (const auto & block : blocks_) {
        for (const stored_weight & w : block) {
            mark_unplaced(w.tensor);
        }
    }
    for (const stored_weight & w : common_) {
        mark_unplaced(w.tensor);
    }
    mark_unplaced(head_.tensor);
    slots_.clear();
    held_.clear();
    paddings_.clear();
    slabs_.clear();
    slab_infos_.clear();
    slab_held_ = -1;
    common_buffer_.reset();
    head_buffer_.reset();
    placement_ = {};
}

bool weight_store::place(const weight_placement & p) {
    release();
    ggml_init_params params{};
    size_t n_tensors = p.head_rows > 0 ? head_rows() / p.head_rows + 1 : 0;
    for (const auto & block : blocks_) {
        n_tensors += block.size();
    }
    params.mem_size = n_tensors * ggml_tensor_overhead();
    params.no_alloc = true;
    ctx_.reset(ggml_init(params));

    // Buffers first: what does not fit fails before anything is uploaded. One for each slot, since devices limit their size.
    slots_.resize(p.n_slots);
    bool fits = allocate(size_of(common_), common_buffer_);
    fits = fits && allocate(head_bytes(p.head_rows), head_buffer_);
    for (int s = 0; s < p.n_slots && fits; s++) {
        size_t largest = 0;
        for (int il = s; il < n_blocks(); il += p.n_slots) {
            largest = std::max(largest, size_of(blocks_[il]));
        }
        fits = allocate(largest, slots_[s]);
    }
    if (!fits) {
        release();
        return false;
    }
    placement_ = p;
    held_.assign(p.n_slots, -1);
    lay_out(common_, common_buffer_.get());
    for (const stored_weight & w : common_) {
        upload(w);
    }
    if (p.head_rows == 0) {
        lay_out({head_}, head_buffer_.get());
        upload(head_);
    } else {
        make_slabs();
    }
    for (int il = 0; il < n_blocks(); il++) {
        lay_out(blocks_[il], slots_[il % p.n_slots].get());
    }
    for (int il = 0; il < p.n_slots; il++) {
        fetch(il);
    }
    return true;
}

size_t weight_store::device_bytes() const {
    size_t sum = 0;
    for (const ggml_backend_buffer_ptr * b : {&common_buffer_, &head_buffer_}) {
        sum += *b ? ggml_backend_buffer_get_size(b->get()) : 0;
    }
    for (const ggml_backend_buffer_ptr & b : slots_) {
        sum += ggml_backend_buffer_get_size(b.get());
    }
    return sum;
}

void weight_store::upload(const stored_weight & w) {
    ggml_backend_tensor_set(w.tensor, w.info->data, 0, w.info->n_bytes);
    uploaded_ += w.info->n_bytes;
}

void weight_store::fetch(int il) {
    int & held = held_[il % placement_.n_slots];
    if (held == il) {
        return;
    }
    for (const stored_weight & w : blocks_[il]) {
        upload(w);
        for (const padding & p : paddings_) {
            if (p.behind == w.tensor) {
                ggml_backend_tensor_memset(p.zeros, 0, 0, ggml_nbytes(p.zeros));
            }
        }
    }
    held = il;
}

// All at one address: one is there at a time.
void weight_store::make_slabs() {
    const int64_t rows = placement_.head_rows, width = head_.tensor->ne[0];
    slab_infos_.reserve(head_rows() / rows + 1); // their addresses are handed out
    for (int64_t first = 0; first < head_rows(); first += rows) {
        const int64_t n    = std::min(rows, head_rows() - first);
        tensor_info   info = *head_.info;
        info.ne[1]   = n;
        info.n_bytes = ggml_row_size(info.type, width) * n;
        info.data += ggml_row_size(info.type, width) * first;
        slab_infos_.push_back(info);
        ggml_tensor * t = ggml_new_tensor_2d(ctx_.get(), info.type, width, n);
        ggml_backend_tensor_alloc(head_buffer_.get(), t, ggml_backend_buffer_get_base(head_buffer_.get()));
        slabs_.push_back({t, &slab_infos_.back(), -1, true});
    }
}

const stored_weight & weight_store::head_slab(int i) {
    if (slab_held_ != i) {
        upload(slabs_[i]);
        slab_held_ = i;
    }
    return slabs_[i];
}

} // namespace forja
