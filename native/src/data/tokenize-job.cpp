#include "data/tokenize-job.hpp"

#include <algorithm>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "data/length-counts.hpp"
#include "data/row-line.hpp"
#include "data/text-windows.hpp"
#include "data/token-file.hpp"
#include "data/tokenizer.hpp"

namespace forja {

namespace {

// Large enough that starting a thread for it costs nothing beside it, small enough that a few of them are no memory.
constexpr size_t batch_bytes = size_t{256} << 10;

struct batch {
    uint64_t                 first_line = 0; // counted from 1
    std::vector<std::string> lines;
};

struct tokenised_batch {
    struct row {
        size_t   n_words;
        uint64_t source_row;
        bool     desirable;
    };
    std::vector<uint32_t> words; // of all rows, back to back
    std::vector<row>      rows;
    uint64_t              windowed_rows = 0, repeated_tokens = 0;
};

bool read_batch(std::istream & in, uint64_t & line_number, batch & out) {
    out.lines.clear();
    out.first_line = line_number + 1;
    size_t      n  = 0;
    std::string line;
    while (n < batch_bytes && std::getline(in, line)) {
        ++line_number;
        n += line.size() + 1;
        out.lines.push_back(std::move(line));
        line.clear();
    }
    return !out.lines.empty();
}

/// Word caches that outlive the batches' threads.
class cache_pool {
  public:
    std::unique_ptr<word_cache> take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) {
            return std::make_unique<word_cache>();
        }
        auto cache = std::move(free_.back());
        free_.pop_back();
        return cache;
    }
    void give_back(std::unique_ptr<word_cache> cache) {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(cache));
    }

  private:
    std::mutex                               mutex_;
    std::vector<std::unique_ptr<word_cache>> free_;
};

/// Puts the windows of the row that is last in `out` in its place.
void cut_last_row(const tokenizer & tok, const tokenize_settings & options, tokenised_batch & out) {
    const auto [n_words, source_row, desirable] = out.rows.back();
    const std::vector<uint32_t> row(out.words.end() - static_cast<std::ptrdiff_t>(n_words), out.words.end());
    const bool has_bos = tok.bos() >= 0 && token_id(row.front()) == tok.bos();
    const auto windows = cut_windows(row, {(uint32_t) options.max_seq_len, (uint32_t) options.text_overlap_tokens, has_bos},
                                     [&](int32_t token) { return tok.piece(token); });
    out.words.resize(out.words.size() - n_words);
    out.rows.pop_back();
    for (const text_window & window : windows) {
        const size_t before = out.words.size();
        add_window(row, window, has_bos, out.words);
        out.rows.push_back({out.words.size() - before, source_row, desirable});
        out.repeated_tokens += window.n_given + (has_bos && window.begin > 1 ? 1 : 0);
    }
    ++out.windowed_rows;
}

/// A pair without its second answer, or a row with one too many, is a fault of whoever sends the rows.
void require_kind(const row_line & row, bool pairs, uint64_t line) {
    if (row.rejected.empty() == pairs) {
        const std::string why = pairs ? "it has no rejected answer" : "it has a rejected answer, and the rows are no pairs";
        throw error("rows_invalid", "Line " + std::to_string(line) + " of the rows is not valid: " + why + ".", "Send rows of one kind, and name it in row_kind.",
                    {{"line", std::to_string(line)}, {"reason", why}});
    }
}

tokenised_batch tokenise_batch(const tokenizer & tok, cache_pool & caches, const tokenize_settings & options, const batch & b) {
    auto            cache = caches.take();
    tokenised_batch out;
    out.words.reserve(batch_bytes / 2);
    out.rows.reserve(b.lines.size());
    const bool pairs = row_kind_of(options.row_kind) == row_kind::pairs;
    for (size_t i = 0; i < b.lines.size(); ++i) {
        if (b.lines[i].find_first_not_of(" \t\r") != std::string::npos) {
            const row_line row = parse_row_line(b.lines[i], b.first_line + i);
            require_kind(row, pairs, b.first_line + i);
            out.rows.push_back({tok.add_row(row.segments, cache.get(), out.words), row.source_row, row.desirable});
            if (pairs) {
                out.rows.push_back({tok.add_row(row.rejected, cache.get(), out.words), row.source_row, false});
            } else if (row.windows && out.rows.back().n_words > (uint32_t) options.max_seq_len) {
                cut_last_row(tok, options, out);
            }
        }
    }
    caches.give_back(std::move(cache));
    return out;
}

/// Gathers the numbers as rows go by.
struct statistics {
    uint32_t        max_seq_len;
    tokenize_result result;
    length_counts   lengths;

    void add(std::span<const uint32_t> words) {
        const bool truncated = words.size() > max_seq_len, learnt = add_length(words);
        result.truncated_rows += truncated ? 1 : 0;
        result.empty_rows += learnt ? 0 : 1;
    }

    void add_pair(std::span<const uint32_t> chosen, std::span<const uint32_t> rejected) {
        const bool both_learnt = add_length(chosen) & add_length(rejected);
        result.truncated_rows += chosen.size() > max_seq_len || rejected.size() > max_seq_len ? 1 : 0;
        result.empty_rows += both_learnt ? 0 : 1;
        const auto cut = [&](std::span<const uint32_t> words) { return words.first(std::min<size_t>(words.size(), max_seq_len)); };
        result.alike_pairs += both_learnt && std::ranges::equal(cut(chosen), cut(rejected)) ? 1 : 0;
    }

    /// Whether anything is learnt of them.
    bool add_length(std::span<const uint32_t> words) {
        const std::span<const uint32_t> kept = words.first(std::min<size_t>(words.size(), max_seq_len));
        // An answer is near a row's end.
        const bool learnt = std::any_of(kept.rbegin(), kept.rend(), is_supervised);
        const std::span<const uint32_t> lost = words.subspan(kept.size());
        result.lost_tokens += lost.size();
        result.lost_supervised_tokens += static_cast<uint64_t>(std::count_if(lost.begin(), lost.end(), is_supervised));
        lengths.add(words.size());
        return learnt;
    }

    void finish() {
        result.median_tokens    = lengths.percentile(0.5);
        result.p95_tokens       = lengths.percentile(0.95);
        result.max_tokens       = lengths.percentile(1);
        result.length_histogram = lengths.histogram();
    }
};

} // namespace

tokenize_result tokenize_rows(const tokenize_settings & options, std::istream & rows, const progress_fn & progress) {
    const tokenizer   tok(options.model_path);
    const row_kind    kind = row_kind_of(options.row_kind);
    token_file_writer writer(options.output_path, tok.identity().n_vocab, tok.identity().vocab_hash, (uint64_t) options.dataset_rows, kind);
    statistics        stats{(uint32_t) options.max_seq_len, {}, {}};
    const size_t      n_threads = options.threads > 0 ? static_cast<size_t>(options.threads)
                                                      : std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 8);

    cache_pool caches; // outlives the batches below
    // Batches are tokenised side by side and written in the order in which they came.
    std::deque<std::future<tokenised_batch>> running;
    uint64_t                                 line_number = 0;
    const auto write_oldest = [&] {
        const tokenised_batch done = running.front().get();
        running.pop_front();
        stats.result.windowed_rows += done.windowed_rows;
        stats.result.repeated_tokens += done.repeated_tokens;
        size_t at = 0;
        std::span<const uint32_t> chosen;
        for (size_t i = 0; i < done.rows.size(); ++i) {
            const auto & [n_words, source_row, desirable] = done.rows[i];
            const std::span<const uint32_t> words = std::span(done.words).subspan(at, n_words);
            writer.add_row(words.data(), words.size(), source_row, desirable);
            at += n_words;
            if (kind != row_kind::pairs) {
                stats.add(words);
            } else if (i % 2 == 0) {
                chosen = words;
            } else {
                stats.add_pair(chosen, words);
            }
        }
        if (progress) {
            progress(writer.n_rows(), 0);
        }
    };
    for (batch b; read_batch(rows, line_number, b);) {
        if (running.size() >= n_threads) {
            write_oldest();
        }
        running.push_back(std::async(std::launch::async, [&tok, &caches, &options, b = std::move(b)] { return tokenise_batch(tok, caches, options, b); }));
        b = {};
    }
    while (!running.empty()) {
        write_oldest();
    }
    stats.finish();
    stats.result.rows              = writer.n_rows() / (kind == row_kind::pairs ? 2 : 1);
    stats.result.tokens            = writer.n_tokens();
    stats.result.supervised_tokens = writer.n_supervised();
    writer.finish();
    return stats.result;
}

} // namespace forja
