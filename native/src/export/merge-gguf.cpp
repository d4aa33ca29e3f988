#include "export/merge-gguf.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <exception>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/files.hpp"
#include "export/adapter-gguf.hpp"
#include "export/quant-mix.hpp"
#include "gguf/gguf-writer.hpp"

namespace forja {

namespace {

// Rows are worked on in slabs of about this many numbers: 16 MB at F32, whatever the tensor's size.
constexpr int64_t slab_elements = int64_t{4} << 20;

int64_t n_rows_of(const tensor_info & t) { return t.ne[1] * t.ne[2] * t.ne[3]; }

void dequantise_row(ggml_type type, const uint8_t * from, float * to, int64_t n) {
    if (type == GGML_TYPE_F32) {
        std::memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
    } else {
        ggml_get_type_traits(type)->to_float(from, to, n);
    }
}

/// row[i] += sum over j of scale * b[j] * a[j][i]. Returns false, without a change, where scale or the row of B is zero.
bool add_update(const adapter_tensors::pair & p, float scale, int64_t row_index, float * row) {
    const float * b = p.b.data() + row_index * p.rank;
    if (scale == 0.0f || std::all_of(b, b + p.rank, [](float x) { return x == 0.0f; })) {
        return false;
    }
    // Four rows of A at a time: the row is read and written a quarter as often.
    int64_t j = 0;
    for (; j + 4 <= p.rank; j += 4) {
        const float * a0 = p.a.data() + (j + 0) * p.n_in;
        const float * a1 = p.a.data() + (j + 1) * p.n_in;
        const float * a2 = p.a.data() + (j + 2) * p.n_in;
        const float * a3 = p.a.data() + (j + 3) * p.n_in;
        const float   c0 = scale * b[j], c1 = scale * b[j + 1], c2 = scale * b[j + 2], c3 = scale * b[j + 3];
        for (int64_t i = 0; i < p.n_in; ++i) {
            row[i] += (c0 * a0[i] + c1 * a1[i]) + (c2 * a2[i] + c3 * a3[i]);
        }
    }
    for (; j < p.rank; ++j) {
        const float * a = p.a.data() + j * p.n_in;
        const float   c = scale * b[j];
        for (int64_t i = 0; i < p.n_in; ++i) {
            row[i] += c * a[i];
        }
    }
    return true;
}

bool all_finite(const float * x, int64_t n) {
    // x - x is 0 for finite x and NaN otherwise; a sum of these needs no branch per number.
    float sum = 0.0f;
    for (int64_t i = 0; i < n; ++i) {
        sum += x[i] - x[i];
    }
    return sum == 0.0f;
}

/// One tensor on its way from the base to the merged file.
struct conversion {
    const tensor_info &           from;
    ggml_type                     to;
    const adapter_tensors::pair * pair; // nullptr: not adapted
    float                         scale;

    bool is_copy() const { return pair == nullptr && from.type == to; }

    /// Converts rows [first, first + n) into out; `row` is room for one row.
    void rows(int64_t first, int64_t n, uint8_t * out, std::vector<float> & row) const {
        const int64_t n_in     = from.ne[0];
        const size_t  old_size = ggml_row_size(from.type, n_in);
        const size_t  new_size = ggml_row_size(to, n_in);
        row.resize(static_cast<size_t>(n_in));
        for (int64_t r = first; r < first + n; ++r, out += new_size) {
            const uint8_t * old = from.data + static_cast<size_t>(r) * old_size;
            dequantise_row(from.type, old, row.data(), n_in);
            if (!all_finite(row.data(), n_in)) {
                throw error("weights_not_finite", "Row " + std::to_string(r) + " of " + from.name + " in the base model holds NaN or infinity.",
                            "The model file is damaged: download it again.", {{"tensor", from.name}, {"row", std::to_string(r)}});
            }
            const bool changed = pair != nullptr && add_update(*pair, scale, r, row.data());
            if (!changed && from.type == to) {
                std::memcpy(out, old, new_size); // quantising again would change it
                continue;
            }
            ggml_quantize_chunk(to, row.data(), out, 0, 1, n_in, nullptr);
            if (!all_finite(row.data(), n_in) || !ggml_validate_row_data(to, out, new_size)) {
                throw error("export_overflow", "Row " + std::to_string(r) + " of " + from.name + " has numbers too large for " + ggml_type_name(to) + ".",
                            "Export as bf16, f32 or q8_0; if that fails too, train again with a lower learning rate.",
                            {{"tensor", from.name}, {"row", std::to_string(r)}, {"type", ggml_type_name(to)}});
            }
        }
    }
};

/// Runs work(first, n) over [0, total) on `threads` threads; the first exception is thrown again here.
template <typename Work> void in_parallel(int64_t total, int64_t chunk, int threads, const Work & work) {
    std::atomic<int64_t>     next{0};
    std::exception_ptr       failed;
    std::mutex               mutex;
    const auto               run = [&] {
        try {
            std::vector<float> row;
            for (int64_t first; (first = next.fetch_add(chunk)) < total;) {
                work(first, std::min(chunk, total - first), row);
            }
        } catch (...) {
            const std::lock_guard lock(mutex);
            failed = failed ? failed : std::current_exception();
            next   = total;
        }
    };
    std::vector<std::thread> others;
    for (int i = 1; i < threads && i * chunk < total; ++i) {
        others.emplace_back(run);
    }
    run();
    for (std::thread & t : others) {
        t.join();
    }
    if (failed) {
        std::rethrow_exception(failed);
    }
}

/// Writes one piece while the next is being computed. Two rooms of a slab each.
class background_writer {
  public:
    explicit background_writer(gguf_writer & out) : out_(out) {}
    ~background_writer() {
        if (writing_.valid()) {
            writing_.wait();
        }
    }
    background_writer(const background_writer &)             = delete;
    background_writer & operator=(const background_writer &) = delete;

    /// Room for a piece, valid until the write() after the next.
    std::vector<uint8_t> & room(size_t n_bytes) {
        turn_ = 1 - turn_;
        rooms_[turn_].resize(n_bytes);
        return rooms_[turn_];
    }

    /// Throws what an earlier write threw. The bytes must stay until the next call or wait().
    void write(const uint8_t * data, size_t n_bytes) {
        wait();
        if (n_bytes < worth_a_thread) {
            out_.write(data, n_bytes);
        } else {
            writing_ = std::async(std::launch::async, [this, data, n_bytes] { out_.write(data, n_bytes); });
        }
    }

    void wait() {
        if (writing_.valid()) {
            writing_.get();
        }
    }

  private:
    static constexpr size_t worth_a_thread = size_t{256} << 10;
    gguf_writer &           out_;
    std::vector<uint8_t>    rooms_[2];
    int                     turn_ = 0;
    std::future<void>       writing_;
};

void write_tensor(const conversion & c, background_writer & out, int threads, const progress_fn & report_written) {
    const int64_t n_rows    = n_rows_of(c.from);
    const size_t  row_bytes = ggml_row_size(c.to, c.from.ne[0]);
    const int64_t slab      = std::max<int64_t>(1, slab_elements / c.from.ne[0]);
    // Small enough that every thread has several to take, large enough to be worth taking.
    const int64_t        chunk = std::max<int64_t>(1, 65536 / c.from.ne[0]);
    for (int64_t first = 0; first < n_rows; first += slab) {
        const int64_t  n       = std::min(slab, n_rows - first);
        const size_t   n_bytes = static_cast<size_t>(n) * row_bytes;
        const uint8_t * ready  = c.from.data + static_cast<size_t>(first) * row_bytes;
        if (!c.is_copy()) {
            std::vector<uint8_t> & bytes = out.room(n_bytes);
            in_parallel(n, chunk, threads, [&](int64_t at, int64_t count, std::vector<float> & row) {
                c.rows(first + at, count, bytes.data() + static_cast<size_t>(at) * row_bytes, row);
            });
            ready = bytes.data();
        }
        out.write(ready, n_bytes);
        report_written(n_bytes, 0);
    }
    if (c.is_copy()) {
        out.wait(); // the base's bytes are let go of next
    }
}

std::vector<ggml_type> types_for(const gguf_file & base, const adapter_tensors & adapter, const std::string & output_type,
                                 const warning_fn & warn) {
    if (output_type != "same") {
        const output_type_info * info = find_output_type(output_type);
        if (info == nullptr) {
            std::string known = "same";
            for (const output_type_info & one : output_types()) {
                known += std::string(", ") + one.name;
            }
            throw error("output_type_unknown", "There is no output type '" + output_type + "'.", "Use one of: " + known + ".", {{"output_type", output_type}, {"known", known}});
        }
        return plan_types(base, *info);
    }
    std::vector<ggml_type>                      types;
    std::map<std::pair<ggml_type, ggml_type>, int> changed;
    for (const tensor_info & t : base.tensors()) {
        const ggml_type type = adapter.find(t.name) != nullptr ? type_without_importance(t.type) : t.type;
        if (type != t.type) {
            ++changed[{t.type, type}];
        }
        types.push_back(type);
    }
    for (const auto & [pair, count] : changed) {
        const std::string from = ggml_type_name(pair.first), to = ggml_type_name(pair.second);
        if (warn) {
            warn({"export_type_changed", std::to_string(count) + " tuned matrices are " + to + " in the export, not " + from + ": " + from + " can only be made with an importance matrix.",
                  "Nothing needs to be done; the file is a little larger.", {{"from", from}, {"to", to}, {"tensors", std::to_string(count)}}});
        }
    }
    return types;
}

} // namespace

merge_result merge_to_gguf(const gguf_file & base, const adapter_tensors & adapter, const std::string & output_type,
                           const std::string & output_path, int threads, const progress_fn & progress, const warning_fn & warn) {
    require_adapter_fits(adapter, base);
    const std::vector<ggml_type> types = types_for(base, adapter, output_type, warn);
    for (const tensor_info & t : base.tensors()) {
        if (t.type != GGML_TYPE_F32 && ggml_get_type_traits(t.type)->to_float == nullptr && (adapter.find(t.name) != nullptr || output_type != "same") && t.n_dims >= 2) {
            throw error("tensor_bad_type", t.name + " has the type " + ggml_type_name(t.type) + ", which can't be read as numbers.", {}, {{"tensor", t.name}});
        }
    }

    gguf_writer    out(output_path);
    gguf_context * meta = out.meta();
    gguf_set_kv(meta, base.meta());
    for (const char * key : {"split.no", "split.count", "split.tensors.count", GGUF_KEY_GENERAL_ALIGNMENT}) {
        gguf_remove_key(meta, key); // one file; aligned as ggml does by default
    }
    if (const output_type_info * info = find_output_type(output_type)) {
        gguf_set_val_u32(meta, "general.file_type", static_cast<uint32_t>(info->ftype));
        gguf_set_val_u32(meta, "general.quantization_version", GGML_QNT_VERSION);
    }
    for (size_t i = 0; i < types.size(); ++i) {
        out.add_tensor(base.tensors()[i].name, types[i], base.tensors()[i].ne);
    }
    const uint64_t total = out.total_bytes();
    require_free_space(output_path, total);
    out.begin();

    merge_result result{total, 0, output_type};
    background_writer writer(out);
    uint64_t     written        = 0;
    const auto   report_written = [&](uint64_t n, uint64_t) {
        written += n;
        if (progress) {
            progress(written, total);
        }
    };
    for (size_t i = 0; i < types.size(); ++i) {
        const tensor_info & t    = base.tensors()[i];
        const auto *        pair = adapter.find(t.name);
        write_tensor({t, types[i], pair, pair != nullptr ? adapter.scale_of(*pair) : 0.0f}, writer, std::max(threads, 1), report_written);
        result.tensors_merged += pair != nullptr ? 1 : 0;
        base.release(t); // what has been read needn't stay in memory
    }
    writer.wait();
    if (progress) {
        progress(total, total);
    }
    out.commit();
    return result;
}

} // namespace forja
