// What a matrix's inputs have in common: H = mean of x x^T over a sample of its inputs x, and H's factors as error feedback
// needs them.
//
// Letters: n inputs of the matrix, N inputs in the sample. The columns are in an order of their own, those of the largest second
// moments first: what is rounded first can still be made up for by all the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace forja {

/// N inputs of n numbers each, one after another, in BF16.
struct input_sample {
    int64_t               n = 0;
    std::vector<uint16_t> values;
    int64_t               count() const { return n == 0 ? 0 : static_cast<int64_t>(values.size()) / n; }
};

/// H + damping = M D M^T, with M unit upper triangular: (w - v) H (w - v)^T is the sum over k of D_k ((w - v) M)_k^2, so that
/// column k is best rounded with the errors of the columns before it in mind (LDLQ: Chee et al. 2023, equal to GPTQ: Frantar
/// et al. 2022).
class second_moments {
  public:
    /// Of the inputs [first, first + n) of the sample. H's diagonal gets `damping` times its mean added, so that H has an inverse whatever
    /// the sample. @param threads 1 or more
    second_moments(const input_sample & sample, int64_t first, int64_t n, float damping, int threads);

    int64_t first() const { return first_; }
    int64_t n() const { return n_; }
    /// order()[k]: which input stands at place k, counted from first().
    const std::vector<int32_t> & order() const { return order_; }
    /// H again, from fewer numbers: H is about Y Y^T plus damping() on its diagonal. Y: n rows of sketch_width() numbers, in the inputs' own
    /// order: the sample's inputs, those of one column added up with random signs (a count sketch: Charikar et al. 2002).
    const float * sketch() const { return sketch_.data(); }
    int64_t       sketch_width() const { return sketch_width_; }
    float         damping() const { return damping_; }

    /// H, damped, rows one after another, in order().
    const float * h() const { return h_.data(); }
    float         diagonal(int64_t k) const { return h_[static_cast<size_t>(k * n_ + k)]; }

    /// M in panels of `panel_rows` rows: panel p holds rows [k0, k1) = [p * panel_rows, …), columns from k0 on, n - k0 floats a
    /// row, as one matrix for the columns [k0, k1) and one for those after.
    static constexpr int64_t panel_rows = 64;
    int64_t                  n_panels() const { return (n_ + panel_rows - 1) / panel_rows; }
    const float *            inner(int64_t panel) const { return panels_[static_cast<size_t>(panel)].inner.data(); } // [k1 - k0][k1 - k0]
    const float *            outer(int64_t panel) const { return panels_[static_cast<size_t>(panel)].outer.data(); } // [k1 - k0][n - k1]

  private:
    void sum(const input_sample & sample, int threads);
    void factorise(int threads);
    void make_sketch(const input_sample & sample);

    struct panel {
        std::vector<float> inner, outer;
    };
    int64_t              first_, n_;
    std::vector<int32_t> order_;
    std::vector<float>   h_, sketch_;
    int64_t              sketch_width_ = 0;
    float                damping_      = 0;
    std::vector<panel>   panels_;
};

/// All that rounding knows of a matrix's inputs. Where there are more than max_part of them they are taken in parts, as if inputs of
/// different parts had nothing in common: time and memory grow with the square of a part.
class input_moments {
  public:
    static constexpr int64_t max_part = 4096;

    /// @param threads 1 or more
    input_moments(const input_sample & sample, float damping, int threads);

    const std::vector<second_moments> & parts() const { return parts_; }
    /// The mean square of each input: an importance matrix as ggml takes it.
    const std::vector<float> & mean_squares() const { return mean_squares_; }

  private:
    std::vector<second_moments> parts_;
    std::vector<float>          mean_squares_;
};

/// The mean square of each input of a sample.
std::vector<float> mean_squares_of(const input_sample & sample);

} // namespace forja
