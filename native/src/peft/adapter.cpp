#include "peft/adapter.hpp"

#include <cmath>

namespace forja {

float lora_scale(double lora_alpha, int64_t rank, bool use_rslora) {
    const double r = static_cast<double>(rank);
    return static_cast<float>(lora_alpha / (use_rslora ? std::sqrt(r) : r));
}

const adapter_tensors::pair * adapter_tensors::find(const std::string & base_name) const {
    for (const pair & p : pairs) {
        if (p.base_name == base_name) {
            return &p;
        }
    }
    return nullptr;
}

int64_t adapter_tensors::n_params() const {
    int64_t sum = 0;
    for (const pair & p : pairs) {
        sum += p.rank * (p.n_in + p.n_out);
    }
    return sum;
}

} // namespace forja
