#include "export/input-collector.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "data/token-file.hpp"
#include "export/llama-scorer.hpp"
#include "ggml-backend.h"

namespace forja {

namespace {

/// Listens to a graph as it is computed.
class listener {
  public:
    explicit listener(const std::vector<std::string> & matrices) : wanted_(matrices.begin(), matrices.end()) {}

    eval_listener as_callback() { return {&listener::call, this}; }

    /// Before each llama_decode: inputs are told apart by their tensor, which lives as long as the graph.
    void begin_graph() { in_graph_.clear(); }

    input_samples take() {
        input_samples samples;
        for (const auto & [matrix, sample] : samples_) {
            samples[matrix] = sample;
        }
        return samples;
    }

  private:
    static bool call(ggml_tensor * t, bool ask, void * self) { return static_cast<listener *>(self)->hear(t, ask); }

    bool hear(ggml_tensor * t, bool ask) {
        if (t->op != GGML_OP_MUL_MAT || t->src[0] == nullptr || wanted_.count(t->src[0]->name) == 0) {
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
            samples_[matrix] = samples_[seen->second]; // the same inputs as another matrix
            return false;
        }
        keep(matrix, *x);
        return true;
    }

    void keep(const std::string & matrix, const ggml_tensor & x) {
        auto & sample = samples_[matrix];
        if (sample == nullptr) {
            sample = std::make_shared<input_sample>();
        }
        const int64_t n = x.ne[0], count = ggml_nrows(&x);
        sample->n = n;
        row_.resize(static_cast<size_t>(n));
        const size_t before = sample->values.size();
        sample->values.resize(before + static_cast<size_t>(n * count));
        for (int64_t i = 0; i < count; ++i) {
            const int64_t i1 = i % x.ne[1], i2 = i / x.ne[1] % x.ne[2], i3 = i / x.ne[1] / x.ne[2];
            ggml_backend_tensor_get(&x, row_.data(), static_cast<size_t>(i1) * x.nb[1] + static_cast<size_t>(i2) * x.nb[2] + static_cast<size_t>(i3) * x.nb[3], static_cast<size_t>(n) * sizeof(float));
            ggml_fp32_to_bf16_row(row_.data(), reinterpret_cast<ggml_bf16_t *>(sample->values.data() + before + static_cast<size_t>(i * n)), n);
        }
    }

    std::set<std::string>                                wanted_;
    std::map<const ggml_tensor *, std::string>           in_graph_;
    std::map<std::string, std::shared_ptr<input_sample>> samples_;
    std::vector<float>                                   row_;
};

} // namespace

uint64_t input_sample_bytes(int64_t n_in, uint64_t n_tokens) { return static_cast<uint64_t>(n_in) * n_tokens * sizeof(uint16_t); }

input_samples collect_inputs(const collector_options & o, const std::vector<std::string> & matrices, const progress_fn & progress) {
    const auto            rows  = token_file::open(o.tokens_path);
    const llama_model_ptr model = load_llama_model(o.model_path, o.device);
    listener              ears(matrices);
    llama_scorer          scorer(model, o.adapter_path, o.max_seq_len, o.threads, ears.as_callback());
    uint64_t              n_read = 0;
    for (uint64_t i = 0; i < rows->n_rows() && n_read < o.max_tokens; ++i) {
        const token_row row = rows->row(rows->n_rows() - 1 - i); // from the end: what is tried is read from the beginning, should it be the same file
        const uint32_t  n   = static_cast<uint32_t>(std::min<uint64_t>({row.n_tokens, o.max_seq_len, o.max_tokens - n_read}));
        scorer.begin_row();
        for (uint32_t first = 0; first < n; first += scorer.chunk_tokens()) {
            const uint32_t       count = std::min(scorer.chunk_tokens(), n - first);
            std::vector<int32_t> tokens;
            std::vector<bool>    wanted;
            for (uint32_t k = 0; k < count; ++k) {
                tokens.push_back(token_id(row.tokens[first + k]));
                // libllama's last block goes on with these only; so does everything that is learnt.
                wanted.push_back(first + k + 1 < n && is_supervised(row.tokens[first + k + 1]));
            }
            ears.begin_graph();
            scorer.feed(tokens.data(), wanted, first, o.threads);
        }
        n_read += n;
        if (progress) {
            progress(std::min(n_read, o.max_tokens), o.max_tokens);
        }
    }
    return ears.take();
}

} // namespace forja
