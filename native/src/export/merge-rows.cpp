#include "export/merge-rows.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.hpp"
#include "ops/cpu/rounding-kernels.hpp"

namespace forja {

namespace {

// 128 KB of F32: what lies between reading and writing stays in a core's own cache.
constexpr int64_t block_elements = int64_t{32} << 10;

/// Whether no exponent of n floating-point numbers, as wide as a Word, is the one of NaN and infinity: a loop of whole numbers, which
/// compilers turn into vectors.
template <typename Word> bool none_has(Word exponent, const void * numbers, size_t n) {
    const auto * bytes = static_cast<const uint8_t *>(numbers);
    Word         found = 0;
    for (size_t i = 0; i < n; ++i) {
        Word x;
        std::memcpy(&x, bytes + i * sizeof(x), sizeof(x));
        found |= (x & exponent) == exponent ? Word{1} : Word{0};
    }
    return found == 0;
}

bool all_finite(const float * x, int64_t n) { return none_has<uint32_t>(0x7f800000, x, static_cast<size_t>(n)); }

cpu::to_float_fn reader_of(ggml_type type) {
    const cpu::to_float_fn fast = type == GGML_TYPE_F16 ? cpu::fast_to_float(cpu::stored_type::f16) : nullptr;
    return fast != nullptr || type == GGML_TYPE_F32 ? fast : ggml_get_type_traits(type)->to_float;
}

cpu::from_float_fn writer_of(ggml_type type) {
    switch (type) {
        case GGML_TYPE_F16: return cpu::fast_from_float(cpu::stored_type::f16);
        case GGML_TYPE_Q8_0: return cpu::fast_from_float(cpu::stored_type::q8_0);
        case GGML_TYPE_Q4_K: return cpu::fast_from_float(cpu::stored_type::q4_k);
        case GGML_TYPE_Q5_K: return cpu::fast_from_float(cpu::stored_type::q5_k);
        case GGML_TYPE_Q6_K: return cpu::fast_from_float(cpu::stored_type::q6_k);
        default: return nullptr;
    }
}

} // namespace

merged_tensor::merged_tensor(const tensor_info & from, ggml_type to, const row_fold * fold)
    : from_(from), to_(to), fold_(fold), old_row_bytes_(ggml_row_size(from.type, from.ne[0])),
      new_row_bytes_(ggml_row_size(to, from.ne[0])), to_float_(reader_of(from.type)), from_float_(writer_of(to)) {}

void merged_tensor::read(int64_t first, int64_t n, float * rows) const {
    const uint8_t * old = from_.data + static_cast<size_t>(first) * old_row_bytes_;
    if (to_float_ != nullptr) {
        to_float_(old, rows, n * n_in());
    } else {
        std::memcpy(rows, old, static_cast<size_t>(n) * old_row_bytes_);
    }
    if (all_finite(rows, n * n_in())) {
        return;
    }
    int64_t bad = 0;
    while (all_finite(rows + bad * n_in(), n_in())) {
        ++bad;
    }
    throw error("weights_not_finite", "Row " + std::to_string(first + bad) + " of " + from_.name + " in the base model holds NaN or infinity.",
                "The model file is damaged: download it again.", {{"tensor", from_.name}, {"row", std::to_string(first + bad)}});
}

bool merged_tensor::written_well(int64_t n, const float * rows, const uint8_t * out) const {
    const size_t n_values = static_cast<size_t>(n * n_in());
    if (!all_finite(rows, n * n_in())) {
        return false;
    }
    switch (to_) {
        case GGML_TYPE_F32: return true;
        case GGML_TYPE_F16: return none_has<uint16_t>(0x7c00, out, n_values);
        case GGML_TYPE_BF16: return none_has<uint16_t>(0x7f80, out, n_values);
        default: return ggml_validate_row_data(to_, out, static_cast<size_t>(n) * new_row_bytes_);
    }
}

void merged_tensor::round_well(int64_t first, int64_t n, const float * rows, uint8_t * out, const input_basis & inputs, rounding_scratch & scratch) const {
    if (from_.type == to_) { // its grid is where the weights are, but for the update
        std::memcpy(out, from_.data + static_cast<size_t>(first) * old_row_bytes_, static_cast<size_t>(n) * new_row_bytes_);
    } else {
        ggml_quantize_chunk(to_, rows, out, 0, n, n_in(), inputs.mean_squares().data());
    }
    round_with_feedback(*find_block_format(to_), inputs, rows, n, out, scratch);
}

void merged_tensor::write(int64_t first, int64_t n, const float * rows, uint8_t * out, const input_basis * inputs, rounding_scratch & scratch) const {
    if (inputs != nullptr) {
        round_well(first, n, rows, out, *inputs, scratch);
    } else if (from_float_ != nullptr) {
        from_float_(rows, out, n * n_in());
    } else {
        ggml_quantize_chunk(to_, rows, out, 0, n, n_in(), nullptr);
    }
    if (written_well(n, rows, out)) {
        return;
    }
    int64_t bad = 0;
    while (bad + 1 < n && written_well(1, rows + bad * n_in(), out + static_cast<size_t>(bad) * new_row_bytes_)) {
        ++bad;
    }
    throw error("export_overflow", "Row " + std::to_string(first + bad) + " of " + from_.name + " has numbers too large for " + ggml_type_name(to_) + ".",
                "Export as bf16, f32 or q8_0; if that fails too, train again with a lower learning rate.",
                {{"tensor", from_.name}, {"row", std::to_string(first + bad)}, {"type", ggml_type_name(to_)}});
}

void merged_tensor::convert(int64_t first, int64_t n, uint8_t * out, merge_scratch & scratch, const input_basis * inputs) const {
    const int64_t end   = first + n;
    const int64_t fits  = block_elements / n_in();
    const int64_t block = std::clamp<int64_t>(inputs != nullptr ? std::max<int64_t>(fits / cpu::rounding_rows, 1) * cpu::rounding_rows : fits, 1, n); // whole tiles
    scratch.rows.resize(static_cast<size_t>(block * n_in()));
    for (int64_t at = first, next; at < end; at = next) {
        // Rows that are changed, or rows that aren't, as many as come one after another.
        const bool changed = is_changed(at);
        for (next = at + 1; next < std::min(at + block, end) && is_changed(next) == changed;) {
            ++next;
        }
        uint8_t * to = out + static_cast<size_t>(at - first) * new_row_bytes_;
        read(at, next - at, scratch.rows.data());
        if (changed) {
            fold_->apply(at, next - at, scratch.rows.data(), scratch.fold);
        } else if (from_.type == to_) { // making the type again would change it
            std::memcpy(to, from_.data + static_cast<size_t>(at) * old_row_bytes_, static_cast<size_t>(next - at) * new_row_bytes_);
            continue;
        }
        write(at, next - at, scratch.rows.data(), to, inputs, scratch.rounding);
    }
}

} // namespace forja
