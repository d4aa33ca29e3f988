#include "export/merged-model.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "base/error.hpp"
#include "export/quant-mix.hpp"
#include "export/share-out.hpp"
#include "ops/cpu/rounding-kernels.hpp"
#include "peft/method-kind.hpp"

namespace forja {

namespace {

// Work is shared out in pieces of about this many numbers: 2 MB at F32, whatever the tensor's size.
constexpr int64_t piece_elements = int64_t{512} << 10;
// And of rows that are rounded with feedback: whole tiles, enough to read the inputs' basis for.
constexpr int64_t feedback_rows = 4 * cpu::rounding_rows;
// The disk is asked for what comes this many pieces later.
constexpr size_t pieces_ahead = 8;

/// Some rows of a tensor.
struct piece {
    size_t  tensor;
    int64_t first_row, n_rows;
};

void add_pieces(std::vector<piece> & pieces, size_t i, const merged_tensor & t, int64_t rows) {
    for (int64_t first = 0; first < t.n_rows(); first += rows) {
        pieces.push_back({i, first, std::min(rows, t.n_rows() - first)});
    }
}

/// Room that each thread keeps.
struct room {
    std::vector<uint8_t> bytes;
    merge_scratch        scratch;
};

std::vector<ggml_type> types_for(const gguf_file & base, const saved_tuning & saved, const std::string & output_type, const warning_fn & warn) {
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

merged_model::merged_model(const gguf_file & base, const saved_tuning & saved, const std::string & output_type, const input_sketches & inputs, const warning_fn & warn)
    : base_(base), inputs_(inputs), output_type_(output_type) {
    require_exportable(saved, "gguf");
    require_tuning_fits(saved, base);
    types_                  = types_for(base, saved, output_type, warn);
    const method_kind & kind = method_kind_of(saved.settings.method);
    for (size_t i = 0; i < types_.size(); ++i) {
        const tensor_info & t = base.tensors()[i];
        folds_.push_back(kind.fold(saved, t.name));
        if (t.type != GGML_TYPE_F32 && ggml_get_type_traits(t.type)->to_float == nullptr && (folds_.back() || output_type != "same") && t.n_dims >= 2) {
            throw error("tensor_bad_type", t.name + " has the type " + ggml_type_name(t.type) + ", which can't be read as numbers.", {}, {{"tensor", t.name}});
        }
        tensors_.emplace_back(t, types_[i], folds_.back().get());
        tensors_merged_ += folds_.back() ? 1 : 0;
    }
}

void merged_model::describe(gguf_context * to) const {
    gguf_set_kv(to, base_.meta());
    for (const char * key : {"split.no", "split.count", "split.tensors.count", GGUF_KEY_GENERAL_ALIGNMENT}) {
        gguf_remove_key(to, key); // one file; aligned as ggml does by default
    }
    if (const output_type_info * info = find_output_type(output_type_)) {
        gguf_set_val_u32(to, "general.file_type", static_cast<uint32_t>(info->ftype));
        gguf_set_val_u32(to, "general.quantization_version", GGML_QNT_VERSION);
    }
}

uint64_t merged_model::total_bytes() const {
    gguf_context * meta = gguf_init_empty();
    describe(meta);
    uint64_t header = gguf_get_meta_size(meta), total = 0;
    for (size_t i = 0; i < types_.size(); ++i) {
        const tensor_info & t = base_.tensors()[i];
        total += GGML_PAD(static_cast<uint64_t>(tensors_[i].n_rows()) * tensors_[i].new_row_bytes(), GGUF_DEFAULT_ALIGNMENT);
        header += 8 + t.name.size() + 4 + 8 * static_cast<uint64_t>(t.n_dims) + 4 + 8; // its entry
    }
    total += GGML_PAD(header, GGUF_DEFAULT_ALIGNMENT);
    gguf_free(meta);
    return total;
}

bool rounds_with_feedback(ggml_type type) {
    const block_format * format = find_block_format(type);
    return format != nullptr && format->max_q < 255; // nearest rounding to 8 bits keeps a tuning, at once
}

bool merged_model::has_feedback(size_t i) const {
    return tensors_[i].is_tuned() && rounds_with_feedback(types_[i]) && base_.tensors()[i].n_dims == 2 && inputs_.count(base_.tensors()[i].name) != 0;
}

bool merged_model::has_feedback() const {
    for (size_t i = 0; i < types_.size(); ++i) {
        if (has_feedback(i)) {
            return true;
        }
    }
    return false;
}

void merged_model::make(const std::function<bool(size_t i)> & wanted, int threads, const sink_fn & sink, const std::function<void(uint64_t done)> & report) const {
    uint64_t   done = 0;
    const auto told = [&](uint64_t bytes) {
        if (report) {
            report(done + bytes);
        }
    };
    make_by_pieces([&](size_t i) { return wanted(i) && !has_feedback(i); }, threads, sink, told);
    for (size_t i = 0; i < tensors_.size(); ++i) {
        done += wanted(i) && !has_feedback(i) ? static_cast<uint64_t>(tensors_[i].n_rows()) * tensors_[i].new_row_bytes() : 0;
    }
    make_with_feedback([&](size_t i) { return wanted(i) && has_feedback(i); }, threads, sink, told);
}

/// Every thread reads a piece, makes it new and hands it on, so that none waits for another.
void merged_model::make_by_pieces(const std::function<bool(size_t i)> & wanted, int threads, const sink_fn & sink, const std::function<void(uint64_t bytes)> & report) const {
    std::vector<piece> pieces;
    for (size_t i = 0; i < tensors_.size(); ++i) {
        if (wanted(i)) {
            add_pieces(pieces, i, tensors_[i], std::max<int64_t>(1, piece_elements / tensors_[i].n_in()));
        }
    }
    std::vector<room>     rooms(static_cast<size_t>(threads));
    std::atomic<uint64_t> made{0};
    share_out(pieces.size(), threads, [&](size_t i, int ith) {
        const auto old_bytes = [&](const piece & p, auto use) {
            const size_t row = tensors_[p.tensor].old_row_bytes();
            use(base_.tensors()[p.tensor], static_cast<size_t>(p.first_row) * row, static_cast<size_t>(p.n_rows) * row);
        };
        if (i + pieces_ahead < pieces.size()) {
            old_bytes(pieces[i + pieces_ahead], [&](const tensor_info & t, size_t offset, size_t n) { base_.expect(t, offset, n); });
        }
        const piece &         p       = pieces[i];
        const merged_tensor & t       = tensors_[p.tensor];
        const size_t          n_bytes = static_cast<size_t>(p.n_rows) * t.new_row_bytes();
        const uint64_t        offset  = static_cast<uint64_t>(p.first_row) * t.new_row_bytes();
        room &                mine    = rooms[static_cast<size_t>(ith)];
        if (t.is_copy()) {
            sink(p.tensor, offset, base_.tensors()[p.tensor].data + offset, n_bytes);
        } else {
            mine.bytes.resize(n_bytes);
            t.convert(p.first_row, p.n_rows, mine.bytes.data(), mine.scratch, nullptr);
            sink(p.tensor, offset, mine.bytes.data(), n_bytes);
        }
        old_bytes(p, [&](const tensor_info & from, size_t at, size_t n) { base_.release(from, at, n); }); // it needn't stay in memory
        made += n_bytes;
        if (ith == 0) { // the caller's own thread: what it calls needn't be safe for others, and may throw
            report(made);
        }
    });
}

/// Some sets of inputs at a time: first each thread makes a basis of one, then all work on the matrices that have these inputs.
void merged_model::make_with_feedback(const std::function<bool(size_t i)> & wanted, int threads, const sink_fn & sink, const std::function<void(uint64_t bytes)> & report) const {
    using sketch_ptr = input_sketches::mapped_type;
    std::vector<std::pair<sketch_ptr, std::vector<size_t>>> sets; // and their tensors, in the base's order
    std::map<sketch_ptr, size_t>                            place;
    for (size_t i = 0; i < tensors_.size(); ++i) {
        if (wanted(i)) {
            const sketch_ptr & sketch = inputs_.at(base_.tensors()[i].name);
            const auto [at, is_new]   = place.try_emplace(sketch, sets.size());
            if (is_new) {
                sets.push_back({sketch, {}});
            }
            sets[at->second].second.push_back(i);
        }
    }
    std::vector<room>     rooms(static_cast<size_t>(threads));
    std::atomic<uint64_t> made{0};
    const size_t          together = 4 * static_cast<size_t>(threads);
    for (size_t first = 0; first < sets.size(); first += together) {
        const size_t                              n = std::min(together, sets.size() - first);
        std::vector<std::unique_ptr<input_basis>> bases(n);
        share_out(n, threads, [&](size_t at, int ith) {
            bases[at] = std::make_unique<input_basis>(*sets[first + at].first, rounding_damping);
            if (ith == 0) {
                report(made); // which may throw: who waits can stop here too
            }
        });
        std::vector<std::pair<piece, const input_basis *>> pieces;
        for (size_t at = 0; at < n; ++at) {
            std::vector<piece> of_one;
            for (const size_t i : sets[first + at].second) {
                add_pieces(of_one, i, tensors_[i], feedback_rows);
            }
            for (const piece & p : of_one) {
                pieces.emplace_back(p, bases[at].get());
            }
        }
        share_out(pieces.size(), threads, [&](size_t at, int ith) {
            const auto & [p, basis]       = pieces[at];
            const merged_tensor & t       = tensors_[p.tensor];
            const size_t          n_bytes = static_cast<size_t>(p.n_rows) * t.new_row_bytes();
            room &                mine    = rooms[static_cast<size_t>(ith)];
            mine.bytes.resize(n_bytes);
            t.convert(p.first_row, p.n_rows, mine.bytes.data(), mine.scratch, basis);
            sink(p.tensor, static_cast<uint64_t>(p.first_row) * t.new_row_bytes(), mine.bytes.data(), n_bytes);
            made += n_bytes;
            if (ith == 0) {
                report(made);
            }
        });
    }
}

} // namespace forja
