// The trainable parameters of a run, their gradients and AdamW's moments: four flat F32 arrays on the device, so that the
// gradient's norm and the optimiser are one operation each, however many tensors there are.
#pragma once

#include <string>
#include <vector>

#include "ggml-cpp.h"
#include "ops/device.hpp"

namespace forja {

class parameter_store {
  public:
    /// Declares a matrix ne = [ne0, ne1]; returns its index. Only before allocate().
    int add(const std::string & name, int64_t ne0, int64_t ne1);

    /// Declares n values that are not trained, zero at first; returns their index. Only before allocate().
    int           add_fixed(int64_t n);
    ggml_tensor * fixed(int i) const { return fixed_[i]; } // ne = [n]

    /// @param training false leaves out gradients and moments
    void allocate(device & dev, bool training);

    /// Matrix i learns at `rate` times the learning rate; 1 unless it is said.
    void set_rate(int i, double rate) { entries_[i].rate = rate; }

    /// A piece of the arrays whose parameters lie back to back and learn at one rate, in floats.
    struct span {
        int64_t begin, end;
        double  rate;
    };
    /// All of the arrays in as few such pieces as there are: one where all rates are alike.
    std::vector<span> rates() const {
        std::vector<span> spans;
        for (const entry & e : entries_) {
            if (spans.empty() || spans.back().rate != e.rate) {
                if (!spans.empty()) {
                    spans.back().end = e.offset;
                }
                spans.push_back({e.offset, ggml_nelements(values_), e.rate});
            }
        }
        return spans;
    }

    int                 count() const { return (int) entries_.size(); }
    int64_t             n_params() const; // without padding
    size_t              bytes() const { return buffer_ ? ggml_backend_buffer_get_size(buffer_.get()) : 0; }
    const std::string & name(int i) const { return entries_[i].name; }
    ggml_tensor *       value(int i) const { return entries_[i].value; } // ne = [ne0, ne1]
    ggml_tensor *       grad(int i) const { return entries_[i].grad; }   // the same shape

    // The arrays whole: ne = [row, n_rows] with zeros behind the last parameter.
    ggml_tensor * values() const { return values_; }
    ggml_tensor * grads() const { return grads_; }
    ggml_tensor * moment1() const { return moment1_; }
    ggml_tensor * moment2() const { return moment2_; }

    void zero_grads();

    std::vector<float> read(const ggml_tensor * t) const; // host copy of any of the tensors above
    void               write(ggml_tensor * t, const float * data, size_t n);

  private:
    struct entry {
        std::string   name;
        int64_t       ne0, ne1, offset; // in floats
        double        rate  = 1;
        ggml_tensor * value = nullptr;
        ggml_tensor * grad  = nullptr;
    };
    std::vector<entry>         entries_;
    std::vector<int64_t>       fixed_sizes_;
    std::vector<ggml_tensor *> fixed_;
    int64_t                 n_floats_ = 0;
    ggml_context_ptr        ctx_;
    ggml_backend_buffer_ptr buffer_;
    ggml_tensor *           values_ = nullptr, *grads_ = nullptr, *moment1_ = nullptr, *moment2_ = nullptr;
};

} // namespace forja
