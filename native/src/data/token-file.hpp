// The .fjt token file: rows of token ids with a mark on those that are learnt. Written by `tokenize`; mapped by `train`,
// `score` and `verify`. Little-endian.
//
//   header   64 bytes: "FJTK", u32 version = 1, u64 n_rows, u64 n_tokens, u64 n_supervised, u64 index_offset, u32 n_vocab,
//            u32 row kind, u64 vocab_hash, u64 n_dataset_rows
//   payload  from byte 64: u32 per token, all rows back to back: id | 0x80000000 when supervised
//   index    at index_offset, 32 bytes a row: u64 first_token, u32 n_tokens, u32 n_supervised, u64 source_row (its highest bit is
//            the mark of labelled rows), u64 row_hash
//
// A supervised token is one whose prediction counts in the loss; never a row's first. row_hash is FNV-1a over the row's
// payload bytes. Rows are stored whole; whoever reads truncates. In a file of pairs, rows 2 i and 2 i + 1 are the chosen and the
// rejected answer of pair i.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/mapped-file.hpp"

namespace forja {

inline constexpr uint32_t supervised_bit = 0x80000000u;

/// What the rows of a file are to each other; one kind a file.
enum class row_kind : uint32_t {
    rows     = 0, // each by itself
    pairs    = 1, // two after each other: the chosen and the rejected answer to one prompt
    labelled = 2, // each by itself, marked as desirable or not
};

/// The name of a kind as the setting `row_kind` of a tokenize job has it, and the other way round.
const char * row_kind_name(row_kind kind);
row_kind     row_kind_of(const std::string & name);

/// Parts of a payload word.
inline int32_t token_id(uint32_t word) { return static_cast<int32_t>(word & ~supervised_bit); }
inline bool    is_supervised(uint32_t word) { return (word & supervised_bit) != 0; }

/// One row, pointing into the mapped file.
struct token_row {
    const uint32_t * tokens; // n_tokens payload words: token_id(), is_supervised()
    uint32_t         n_tokens;
    uint32_t         n_supervised; // of the whole row; after truncation count again
    uint64_t         source_row;   // line or row number in the dataset
    uint64_t         row_hash;
    bool             desirable;    // labelled rows
};

/// A token file, mapped read-only.
class token_file {
  public:
    /// Checks the header and the whole index (not the payload: row() checks that, row by row).
    /// @throws error file_not_found, file_unreadable, token_file_bad_magic, token_file_bad_version, token_file_truncated,
    ///         token_file_corrupt.
    static std::shared_ptr<token_file> open(const std::string & path);

    /// @throws error token_file_vocab_mismatch unless the file was made with a vocabulary of this size and hash (vocab.hpp).
    void require_vocab(uint32_t n_vocab, uint64_t vocab_hash) const;

    const std::string & path() const { return path_; }
    row_kind            kind() const { return kind_; }
    uint64_t            n_rows() const { return n_rows_; }
    uint64_t            n_tokens() const { return n_tokens_; }
    uint64_t            n_supervised() const { return n_supervised_; }
    uint64_t            n_dataset_rows() const { return n_dataset_rows_; } // of the file that these rows are a sample of; 0: they are all
    uint32_t            n_vocab() const { return n_vocab_; }
    uint64_t            vocab_hash() const { return vocab_hash_; }

    /// Row i of n_rows(). Thread-safe. @throws error token_file_corrupt when its bytes don't fit its hash.
    token_row row(uint64_t i) const;

    /// Only the index entry: no payload is read or checked.
    token_row row_unchecked(uint64_t i) const;

  private:
    explicit token_file(const std::string & path);
    std::string path_;
    mapped_file file_;
    uint64_t    n_rows_ = 0, n_tokens_ = 0, n_supervised_ = 0, index_offset_ = 0, vocab_hash_ = 0, n_dataset_rows_ = 0;
    uint32_t    n_vocab_ = 0;
    row_kind    kind_    = row_kind::rows;
};

/// Writes a token file row by row; nothing appears under its name before finish(). The index waits in a file of its own beside it, so
/// that memory does not grow with the rows.
class token_file_writer {
  public:
    /// @param n_dataset_rows rows of the file that these will be a sample of; 0: they are all
    /// @throws error output_not_writable; every method: failure disk_full, write_failed.
    token_file_writer(const std::string & path, uint32_t n_vocab, uint64_t vocab_hash, uint64_t n_dataset_rows = 0, row_kind kind = row_kind::rows);

    /// Appends a row of payload words. The mark of the first word is cleared: nothing predicts it.
    void add_row(const uint32_t * words, size_t n_words, uint64_t source_row, bool desirable = false);

    /// Writes the index and the header, syncs, and puts the file in place.
    void finish();

    uint64_t n_rows() const { return n_rows_; }
    uint64_t n_tokens() const { return n_tokens_; }
    uint64_t n_supervised() const { return n_supervised_; }

  private:
    atomic_file           file_;
    atomic_file           index_; // never put in place: finish() copies it
    std::vector<uint32_t> row_;
    uint64_t              n_rows_ = 0, n_tokens_ = 0, n_supervised_ = 0, vocab_hash_, n_dataset_rows_;
    uint32_t              n_vocab_;
    row_kind              kind_;
};

} // namespace forja
