// The body of the `tokenize` job: rows of text in, a token file and its statistics out.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.hpp"
#include "base/settings.hpp"

namespace forja {

/// Lengths in tokens. Percentiles by nearest rank. A pair is one row of `rows`, `truncated_rows` and `empty_rows`, which it is where
/// either answer is; each of its answers has a length of its own.
struct tokenize_result {
    uint64_t rows = 0, tokens = 0, supervised_tokens = 0;
    uint64_t median_tokens = 0, p95_tokens = 0, max_tokens = 0;
    uint64_t truncated_rows = 0; // longer than max_seq_len
    uint64_t empty_rows     = 0; // nothing to learn within the first max_seq_len tokens
    uint64_t alike_pairs    = 0; // pairs whose answers are the same tokens within max_seq_len
    uint64_t lost_tokens = 0, lost_supervised_tokens = 0; // beyond max_seq_len
    uint64_t windowed_rows = 0, repeated_tokens = 0;      // rows that became several, and tokens that stand in two of them
    std::vector<std::pair<uint64_t, uint64_t>> length_histogram; // {upper bound, rows above the bound before and up to it}
};

/// Reads JSON Lines {"row": <source line>, "segments": [["text", 0|1, 0|1], ...], "windows": 0|1} (1: supervised; 1: literal, 0 where
/// left out; 1: several rows where it is longer than max_seq_len; see row_line for pairs and labels) to the end of `rows`, and writes output_path whole or not at all. Memory does not grow with the rows. progress(rows done, 0).
/// @throws error rows_invalid (which line and why), what tokenizer and token_file_writer throw.
tokenize_result tokenize_rows(const tokenize_settings & options, std::istream & rows, const progress_fn & progress);

} // namespace forja
