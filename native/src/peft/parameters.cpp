#include "peft/parameters.hpp"

#include "base/error.hpp"

namespace forja {

namespace {
constexpr int64_t row_floats = 1024; // the optimiser's unit of work for a thread
constexpr int64_t align_floats = 64; // 256 bytes: enough for every device's views
} // namespace

int parameter_store::add(const std::string & name, int64_t ne0, int64_t ne1) {
    entries_.push_back({name, ne0, ne1, n_floats_});
    n_floats_ = GGML_PAD(n_floats_ + ne0 * ne1, align_floats);
    return count() - 1;
}

int parameter_store::add_fixed(int64_t n) {
    fixed_sizes_.push_back(n);
    return (int) fixed_sizes_.size() - 1;
}

int64_t parameter_store::n_params() const {
    int64_t n = 0;
    for (const entry & e : entries_) {
        n += e.ne0 * e.ne1;
    }
    return n;
}

void parameter_store::allocate(device & dev, bool training) {
    ggml_init_params params{};
    params.mem_size = ggml_tensor_overhead() * (entries_.size() * 2 + fixed_sizes_.size() + 8);
    params.no_alloc = true;
    ctx_.reset(ggml_init(params));
    const int64_t n_rows = (n_floats_ + row_floats - 1) / row_floats;
    auto          flat   = [&] { return ggml_new_tensor_2d(ctx_.get(), GGML_TYPE_F32, row_floats, n_rows); };
    values_ = flat();
    if (training) {
        grads_   = flat();
        moment1_ = flat();
        moment2_ = flat();
    }
    for (entry & e : entries_) {
        auto view = [&](ggml_tensor * whole) {
            return ggml_view_2d(ctx_.get(), whole, e.ne0, e.ne1, e.ne0 * sizeof(float), e.offset * sizeof(float));
        };
        e.value = view(values_);
        e.grad  = training ? view(grads_) : nullptr;
    }
    for (int64_t n : fixed_sizes_) {
        fixed_.push_back(ggml_new_tensor_1d(ctx_.get(), GGML_TYPE_F32, n));
    }
    buffer_.reset(ggml_backend_alloc_ctx_tensors_from_buft(ctx_.get(), dev.buffer_type()));
    if (!buffer_) {
        throw failure("device_out_of_memory", "The adapter and its optimiser state don't fit in the memory of " + dev.name(),
                      "Lower lora_rank or adapt fewer modules.", {{"device", dev.name()}});
    }
    ggml_backend_buffer_clear(buffer_.get(), 0);
}

void parameter_store::zero_grads() { ggml_backend_tensor_memset(grads_, 0, 0, ggml_nbytes(grads_)); }

std::vector<float> parameter_store::read(const ggml_tensor * t) const {
    std::vector<float> out(ggml_nelements(t));
    ggml_backend_tensor_get(t, out.data(), 0, out.size() * sizeof(float));
    return out;
}

void parameter_store::write(ggml_tensor * t, const float * data, size_t n) {
    GGML_ASSERT((int64_t) n == ggml_nelements(t));
    ggml_backend_tensor_set(t, data, 0, n * sizeof(float));
}

} // namespace forja
