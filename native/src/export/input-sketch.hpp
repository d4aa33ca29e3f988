// What a matrix's inputs x have in common: H = mean of x x^T over the inputs of some rows of text, from far fewer numbers.
//
// Letters: n inputs of the matrix, w the sketch's width, Y the sketch: n rows of w numbers, with Y Y^T about H.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace forja {

/// How wide sketches are. It bounds what rounding costs: some ten multiplications a weight for each of these columns, whatever the
/// matrix's size and however much text was read.
inline constexpr int64_t sketch_width = 256;

/// A sum over inputs, each added to one column with a sign of its own (a count sketch: Charikar et al. 2002), so that columns have nothing in
/// common but by chance, and Y Y^T is H on average.
class input_sketch {
  public:
    input_sketch(int64_t n, int64_t width) : n_(n), width_(width), columns_(static_cast<size_t>(n * width), 0.0f), counts_(static_cast<size_t>(width), 0) {}

    int64_t n() const { return n_; }
    int64_t width() const { return width_; }

    /// Adds an input of n numbers to a column: the `time`-th of that column's own. Different columns may be added to at the same time.
    void add(int64_t column, uint64_t time, const float * x);

    /// Inputs that were added.
    uint64_t count() const;

    /// Y, from what was added.
    std::vector<float> rows() const;

  private:
    int64_t               n_, width_;
    std::vector<float>    columns_; // [w][n]
    std::vector<uint64_t> counts_;  // of each column
};

/// All that rounding knows of a matrix's inputs. What errors e of a row cost is e H e^T, taken as |e Y|^2 + damping |e|^2.
class input_basis {
  public:
    /// @param damping as a share of the median of H's diagonal: what is left of H that the sketch can't tell
    input_basis(const input_sketch & sketch, float damping);

    int64_t n() const { return n_; }
    int64_t width() const { return width_; }
    float   damping() const { return damping_; }
    /// Y
    const float * sketch() const { return sketch_.data(); }
    /// Which input's weights are rounded first: those of the largest mean square, whose errors all others can still make up for.
    const std::vector<int32_t> & order() const { return order_; }
    /// n rows of w numbers, in order(): how much a column makes up for the errors before it (LDLQ: Chee et al. 2023, equal to GPTQ: Frantar et al. 2022).
    const float * feedback() const { return feedback_.data(); }
    /// |Y_i|^2 + damping
    const std::vector<float> & curvature() const { return curvature_; }
    /// The mean square of each input, by the sketch: an importance matrix as ggml takes it.
    const std::vector<float> & mean_squares() const { return mean_squares_; }

  private:
    int64_t              n_, width_;
    float                damping_ = 0;
    std::vector<float>   sketch_, feedback_, curvature_, mean_squares_;
    std::vector<int32_t> order_;
};

} // namespace forja
