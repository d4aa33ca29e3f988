#include "export/merge-gguf.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/files.hpp"
#include "export/merge-rows.hpp"
#include "export/quant-mix.hpp"
#include "gguf/gguf-writer.hpp"
#include "peft/method-kind.hpp"

namespace forja {

namespace {

// Work is shared out in pieces of about this many numbers: 2 MB at F32, whatever the tensor's size.
constexpr int64_t piece_elements = int64_t{512} << 10;
// The disk is asked for what comes this many pieces later.
constexpr size_t pieces_ahead = 8;

/// Some rows of a tensor.
struct piece {
    size_t  tensor;
    int64_t first_row, n_rows;
};

std::vector<piece> pieces_of(const std::vector<merged_tensor> & tensors) {
    std::vector<piece> pieces;
    for (size_t i = 0; i < tensors.size(); ++i) {
        const int64_t rows = std::max<int64_t>(1, piece_elements / tensors[i].n_in());
        for (int64_t first = 0; first < tensors[i].n_rows(); first += rows) {
            pieces.push_back({i, first, std::min(rows, tensors[i].n_rows() - first)});
        }
    }
    return pieces;
}

/// Calls work(i, ith) for every i below n, each once, on `threads` threads that take the next as they are done with one;
/// ith 0 is the calling thread. The first exception stops all and is thrown again here.
template <typename Work> void share_out(size_t n, int threads, const Work & work) {
    std::atomic<size_t> next{0};
    std::exception_ptr  failed;
    std::mutex          mutex;
    const auto          run = [&](int ith) {
        try {
            for (size_t i; (i = next.fetch_add(1)) < n;) {
                work(i, ith);
            }
        } catch (...) {
            const std::lock_guard lock(mutex);
            failed = failed ? failed : std::current_exception();
            next   = n;
        }
    };
    std::vector<std::thread> others;
    for (int i = 1; i < threads && static_cast<size_t>(i) < n; ++i) {
        others.emplace_back(run, i);
    }
    run(0);
    for (std::thread & t : others) {
        t.join();
    }
    if (failed) {
        std::rethrow_exception(failed);
    }
}

/// Every thread reads a piece, makes it new and writes it to its place in the file, so that none waits for another.
void write_tensors(const gguf_file & base, const std::vector<merged_tensor> & tensors, gguf_writer & out, int threads,
                   const std::function<void(uint64_t done)> & report) {
    struct room {
        std::vector<uint8_t> bytes;
        merge_scratch        scratch;
    };
    const std::vector<piece> pieces = pieces_of(tensors);
    std::vector<room>        rooms(static_cast<size_t>(threads));
    std::atomic<uint64_t>    written{0};
    share_out(pieces.size(), threads, [&](size_t i, int ith) {
        const auto old_bytes = [&](const piece & p, auto use) {
            const size_t row = tensors[p.tensor].old_row_bytes();
            use(base.tensors()[p.tensor], static_cast<size_t>(p.first_row) * row, static_cast<size_t>(p.n_rows) * row);
        };
        if (i + pieces_ahead < pieces.size()) {
            old_bytes(pieces[i + pieces_ahead], [&](const tensor_info & t, size_t offset, size_t n) { base.expect(t, offset, n); });
        }
        const piece &         p       = pieces[i];
        const merged_tensor & t       = tensors[p.tensor];
        const size_t          n_bytes = static_cast<size_t>(p.n_rows) * t.new_row_bytes();
        const uint64_t        offset  = static_cast<uint64_t>(p.first_row) * t.new_row_bytes();
        room &                mine    = rooms[static_cast<size_t>(ith)];
        if (t.is_copy()) {
            out.write_at(p.tensor, offset, base.tensors()[p.tensor].data + offset, n_bytes);
        } else {
            mine.bytes.resize(n_bytes);
            t.convert(p.first_row, p.n_rows, mine.bytes.data(), mine.scratch);
            out.write_at(p.tensor, offset, mine.bytes.data(), n_bytes);
        }
        old_bytes(p, [&](const tensor_info & from, size_t at, size_t n) { base.release(from, at, n); }); // it needn't stay in memory
        written += n_bytes;
        if (ith == 0) { // the caller's own thread: what it calls needn't be safe for others, and may throw
            report(written);
        }
    });
}

std::vector<ggml_type> types_for(const gguf_file & base, const saved_tuning & saved, const std::string & output_type,
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
        const ggml_type type = saved.has(t.name) ? type_without_importance(t.type) : t.type;
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

merge_result merge_to_gguf(const gguf_file & base, const saved_tuning & saved, const std::string & output_type,
                           const std::string & output_path, int threads, const progress_fn & progress, const warning_fn & warn) {
    require_exportable(saved, "gguf");
    require_tuning_fits(saved, base);
    const std::vector<ggml_type> types = types_for(base, saved, output_type, warn);
    for (const tensor_info & t : base.tensors()) {
        if (t.type != GGML_TYPE_F32 && ggml_get_type_traits(t.type)->to_float == nullptr && (saved.has(t.name) || output_type != "same") && t.n_dims >= 2) {
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

    merge_result                           result{total, 0, output_type};
    const method_kind &                    kind = method_kind_of(saved.settings.method);
    std::vector<std::unique_ptr<row_fold>> folds;
    std::vector<merged_tensor>             tensors;
    for (size_t i = 0; i < types.size(); ++i) {
        const tensor_info & t = base.tensors()[i];
        folds.push_back(kind.fold(saved, t.name));
        tensors.emplace_back(t, types[i], folds.back().get());
        result.tensors_merged += folds.back() ? 1 : 0;
    }
    write_tensors(base, tensors, out, std::max(threads, 1), [&](uint64_t done) {
        if (progress) {
            progress(done, total);
        }
    });
    if (progress) {
        progress(total, total);
    }
    out.commit();
    return result;
}

} // namespace forja
