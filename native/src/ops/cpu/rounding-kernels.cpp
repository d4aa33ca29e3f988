#include "ops/cpu/rounding-kernels.hpp"

#include "ops/cpu/kernels.hpp"
#include "ops/cpu/rounding-table.hpp"

namespace forja::cpu {

namespace {

const rounding_table & table() {
    switch (current_isa()) {
        case isa::baseline: break;
        case isa::avx2: return *rounding_avx2();
        case isa::avx512:
        case isa::avx512_bf16: return *rounding_avx512();
    }
    return *rounding_baseline();
}

} // namespace

void round_feeding_errors(const rounding_tile & t) { table().round_feeding_errors(t); }

void round_descending(const rounding_tile & t) { table().round_descending(t); }

void add_multiples(float * to, const float * multiples, const float * sketch, int64_t m, int64_t w) { table().add_multiples(to, multiples, sketch, m, w); }

void normal_equations(float * normal, const float * products, int64_t count, int64_t w) { table().normal_equations(normal, products, count, w); }

void factorise_normal(float * factor, const float * normal, int64_t count, float ridge) { table().factorise_normal(factor, normal, count, ridge); }

void find_feedback(float * feedback, const float * sketch, const int32_t * order, int64_t n, int64_t w, float damping, double * room) {
    table().find_feedback(feedback, sketch, order, n, w, damping, room);
}

} // namespace forja::cpu
