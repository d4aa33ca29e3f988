#include "train/input-slots.hpp"

#include <algorithm>

namespace forja {

namespace {

int below(int lowest) { return std::min(2, lowest); }

int kept(int n_layer, int lowest, int stride) { return (n_layer - lowest + stride - 1) / stride; }

} // namespace

input_slots::input_slots(int n_layer, int lowest, int stride)
    : n_layer_(n_layer), lowest_(lowest), stride_(std::clamp(stride, 1, std::max(1, n_layer - lowest))) {}

// In this order: the two below, the kept inputs, those between two kept ones, the last output.
int input_slots::count() const { return below(lowest_) + kept(n_layer_, lowest_, stride_) + stride_ - 1 + 1; }

int input_slots::at(int il) const {
    if (il == n_layer_) {
        return count() - 1;
    }
    if (il < lowest_) {
        return il % 2;
    }
    const int nth = il - lowest_, past = nth % stride_;
    return below(lowest_) + (past == 0 ? nth / stride_ : kept(n_layer_, lowest_, stride_) + past - 1);
}

int input_slots::origin(int il) const { return il - (il - lowest_) % stride_; }

int input_slots::stride_within(int n_layer, int lowest, int64_t max_slots) {
    const int longest = longest_stride(n_layer, lowest);
    int       stride  = 1;
    while (stride < longest && input_slots(n_layer, lowest, stride).count() > max_slots) {
        stride++;
    }
    return stride;
}

int input_slots::longest_stride(int n_layer, int lowest) {
    int best = 1;
    for (int stride = 2; stride <= n_layer - lowest; stride++) {
        if (input_slots(n_layer, lowest, stride).count() < input_slots(n_layer, lowest, best).count()) {
            best = stride;
        }
    }
    return best;
}

} // namespace forja
