// Kernels of rounding with the inputs in mind (export/feedback-rounding.hpp). Plain functions with no threads of their own: the caller
// hands out tiles.
//
// Legend: n inputs of the matrix, w numbers that the sketch has of each of them, R = rounding_rows rows of the matrix, which lie side by
// side: element (i, r) of a tile's array is at i * R + r. Y: the sketch, n rows of w; e: wanted minus rounded, n of each row;
// z = sum over i of e_i Y_i, w of each row. What a row's errors cost is |z|^2 + damping |e|^2.
#pragma once

#include <cstdint>

namespace forja::cpu {

constexpr int64_t rounding_rows = 16;

/// What a matrix's inputs are, and R of its rows on the grids that they have.
struct rounding_tile {
    int64_t         n, w;     // w: a multiple of 4
    const float *   sketch;   // Y
    const float *   feedback; // n rows of w, in `order`: how much a column makes up for z
    const int32_t * order;    // n: which column is rounded first, …
    const float *   curvature; // n: |Y_i|^2 + damping
    float           damping;
    float           max_q;
    const float *   wanted;        // [n][R]
    const float *   offset, *step; // [n][R]: a value is offset + q * step
    float *         q;             // [n][R] whole numbers, 0 … max_q
    float *         error;         // e, [n][R]
    float *         residual;      // z, [w][R]
};

/// Column by column: q is the nearest to what is wanted and the errors before it ask for. Writes q, error and residual.
void round_feeding_errors(const rounding_tile & t);

/// Column by column: each q as all the others leave it best, once. Changes q, error and residual.
void round_descending(const rounding_tile & t);

/// to[w][R] += sum over i < m of multiples[i][R] * sketch[i][w].
void add_multiples(float * to, const float * multiples, const float * sketch, int64_t m, int64_t w);

/// normal[p][k][R] = sum over j < w of products[p][j][R] * products[k][j][R] for p, k < count.
void normal_equations(float * normal, const float * products, int64_t count, int64_t w);

/// factor[p][k][R], k <= p: L of normal = L L^T, for R symmetric matrices [count][count]; diagonals are multiplied by 1 + ridge first, and no pivot
/// is less than `ridge` of its diagonal.
void factorise_normal(float * factor, const float * normal, int64_t count, float ridge);

/// Makes `feedback` for Y in `order`: column k gets P_k Y_k, P_k being the inverse of damping + the sum over the columns from k on of
/// Y_j Y_j^T: what these make up for best, all together, is then made up for by column k as far as it should. room: w * w + 2 * w numbers.
void find_feedback(float * feedback, const float * sketch, const int32_t * order, int64_t n, int64_t w, float damping, double * room);

} // namespace forja::cpu
