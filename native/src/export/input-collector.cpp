#include "export/input-collector.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "base/error.hpp"
#include "data/token-file.hpp"
#include "export/llama-scorer.hpp"
#include "export/share-out.hpp"
#include "ggml-backend.h"

namespace forja {

namespace {

constexpr size_t n_contexts = 4;
static_assert(sketch_width % n_contexts == 0);

/// The sketches that all contexts fill.
class sketch_shelf {
  public:
    explicit sketch_shelf(const std::vector<std::string> & matrices) : wanted_(matrices.begin(), matrices.end()) {}

    bool wants(const char * matrix) const { return wanted_.count(matrix) != 0; }

    std::shared_ptr<input_sketch> of(const std::string & matrix, int64_t n) {
        const std::lock_guard lock(mutex_);
        auto &                sketch = sketches_[matrix];
        if (sketch == nullptr) {
            sketch = std::make_shared<input_sketch>(n, sketch_width);
        }
        return sketch;
    }

    void share(const std::string & matrix, const std::shared_ptr<input_sketch> & sketch) {
        const std::lock_guard lock(mutex_);
        sketches_[matrix] = sketch;
    }

    input_sketches take() const { return {sketches_.begin(), sketches_.end()}; }

  private:
    const std::set<std::string>                          wanted_;
    std::mutex                                           mutex_;
    std::map<std::string, std::shared_ptr<input_sketch>> sketches_;
};

/// Listens to the graphs of one context as they are computed.
class listener {
  public:
    listener(sketch_shelf & shelf, size_t context) : shelf_(shelf), first_column_(static_cast<int64_t>(context) * columns) {}

    eval_listener as_callback() { return {&listener::call, this}; }

    /// Before each llama_decode: inputs are told apart by their tensor, which lives as long as the graph.
    void begin_graph() { in_graph_.clear(); }

  private:
    static constexpr int64_t columns = sketch_width / static_cast<int64_t>(n_contexts);

    static bool call(ggml_tensor * t, bool ask, void * self) { return static_cast<listener *>(self)->hear(t, ask); }

    bool hear(ggml_tensor * t, bool ask) {
        if (t->op != GGML_OP_MUL_MAT || t->src[0] == nullptr || !shelf_.wants(t->src[0]->name)) {
            return !ask; // not wanted, and go on
        }
        const std::string   matrix = t->src[0]->name;
        const ggml_tensor * x      = t->src[1];
        if (x->type != GGML_TYPE_F32) {
            return !ask; // rounded already: this backend's own way
        }
        if (ask) {
            const auto [seen, is_new] = in_graph_.try_emplace(x, matrix);
            if (is_new || seen->second == matrix) {
                return true;
            }
            shelf_.share(matrix, shelf_.of(seen->second, x->ne[0])); // the same inputs as another matrix
            return false;
        }
        keep(matrix, *x);
        return true;
    }

    void keep(const std::string & matrix, const ggml_tensor & x) {
        const std::shared_ptr<input_sketch> sketch = shelf_.of(matrix, x.ne[0]);
        uint64_t &                          heard  = heard_[matrix];
        row_.resize(static_cast<size_t>(x.ne[0]));
        for (int64_t i = 0; i < ggml_nrows(&x); ++i, ++heard) {
            const int64_t i1 = i % x.ne[1], i2 = i / x.ne[1] % x.ne[2], i3 = i / x.ne[1] / x.ne[2];
            ggml_backend_tensor_get(&x, row_.data(), static_cast<size_t>(i1) * x.nb[1] + static_cast<size_t>(i2) * x.nb[2] + static_cast<size_t>(i3) * x.nb[3], row_.size() * sizeof(float));
            sketch->add(first_column_ + static_cast<int64_t>(heard % columns), heard / columns, row_.data());
        }
    }

    sketch_shelf &                             shelf_;
    int64_t                                    first_column_;
    std::map<const ggml_tensor *, std::string> in_graph_;
    std::map<std::string, uint64_t>            heard_;
    std::vector<float>                         row_;
};

/// A row and how much of it is read.
struct reading {
    uint64_t row;
    uint32_t n_tokens;
};

/// Reads a row with a context that listens.
void read_row(llama_scorer & scorer, listener & ears, const token_row & row, uint32_t n, int threads) {
    scorer.begin_row();
    for (uint32_t first = 0; first < n; first += scorer.chunk_tokens()) {
        const uint32_t       count = std::min(scorer.chunk_tokens(), n - first);
        std::vector<int32_t> tokens;
        std::vector<bool>    wanted;
        for (uint32_t k = first; k < first + count; ++k) {
            tokens.push_back(token_id(row.tokens[k]));
            // libllama's last block goes on with these only; so does everything that is learnt.
            wanted.push_back(k + 1 < n && is_supervised(row.tokens[k + 1]));
        }
        ears.begin_graph();
        scorer.feed(tokens.data(), wanted, first, threads);
    }
}

} // namespace

uint64_t input_sketch_bytes(int64_t n_in) { return static_cast<uint64_t>(n_in * sketch_width) * sizeof(float); }

input_sketches collect_inputs(const collector_options & o, const std::vector<std::string> & matrices, const progress_fn & progress) {
    const auto            rows  = token_file::open(o.tokens_path);
    const llama_model_ptr model = load_llama_model(o.model_path, o.device);
    std::vector<reading>  readings;
    uint32_t              longest = 1;
    for (uint64_t i = 0, n_read = 0; i < rows->n_rows() && n_read < o.max_tokens; ++i) {
        const uint64_t at = rows->n_rows() - 1 - i; // from the end: what is tried is read from the beginning, should it be the same file
        const uint32_t n  = static_cast<uint32_t>(std::min<uint64_t>({rows->row(at).n_tokens, o.max_seq_len, o.max_tokens - n_read}));
        readings.push_back({at, n});
        longest = std::max(longest, n);
        n_read += n;
    }
    const uint32_t        n_ctx = context_tokens(*model, longest, o.max_seq_len);
    sketch_shelf          shelf(matrices);
    std::atomic<uint64_t> n_read{0};
    const size_t          used        = std::min(n_contexts, readings.size());
    const int             at_a_time   = std::clamp(o.threads, 1, static_cast<int>(used));
    const int             of_each     = std::max(1, o.threads / at_a_time);
    share_out(used, at_a_time, [&](size_t context, int ith) {
        listener     ears(shelf, context);
        llama_scorer scorer(model, o.adapter_path, n_ctx, of_each, ears.as_callback());
        for (size_t i = context; i < readings.size(); i += n_contexts) {
            read_row(scorer, ears, rows->row(readings[i].row), readings[i].n_tokens, of_each);
            n_read += readings[i].n_tokens;
            if (progress && ith == 0) {
                progress(std::min<uint64_t>(n_read, o.max_tokens), o.max_tokens);
            }
        }
    });
    return shelf.take();
}

} // namespace forja
