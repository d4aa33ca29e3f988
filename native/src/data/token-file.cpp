#include "data/token-file.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "base/hash.hpp"

namespace forja {

// Header, index and payload are read and written as they lie in memory.
static_assert(std::endian::native == std::endian::little, "token files are little-endian");

namespace {

constexpr uint32_t version_1 = 1;

struct header {
    char     magic[4] = {'F', 'J', 'T', 'K'};
    uint32_t version  = version_1;
    uint64_t n_rows = 0, n_tokens = 0, n_supervised = 0, index_offset = 0;
    uint32_t n_vocab = 0, kind = 0;
    uint64_t vocab_hash = 0, n_dataset_rows = 0;
};
static_assert(sizeof(header) == 64);

struct index_bytes {
    uint64_t first_token;
    uint32_t n_tokens, n_supervised;
    uint64_t source_row, row_hash;
};
static_assert(sizeof(index_bytes) == 32);

constexpr uint64_t desirable_bit = 1ull << 63;

constexpr const char * again_hint = "Make the token file again from the dataset.";

error corrupt(const std::string & path, const std::string & what) {
    return error("token_file_corrupt", "The token file " + path + " is damaged: " + what + ".", again_hint, {{"path", path}, {"reason", what}});
}

} // namespace

const char * row_kind_name(row_kind kind) { return kind == row_kind::pairs ? "pairs" : kind == row_kind::labelled ? "labelled" : "rows"; }

row_kind row_kind_of(const std::string & name) {
    return name == "pairs" ? row_kind::pairs : name == "labelled" ? row_kind::labelled : row_kind::rows;
}

token_file::token_file(const std::string & path) : path_(path), file_(path, "token file") {
    const uint8_t * data = file_.data();
    const uint64_t  size = file_.size_bytes();
    header          h;
    if (size < 4 || std::memcmp(data, h.magic, 4) != 0) {
        throw error("token_file_bad_magic", path + " is not a token file" + (size == 0 ? ": it is empty." : "."), again_hint, {{"path", path}});
    }
    const auto truncated = [&] {
        return error("token_file_truncated", "The token file " + path + " ends too early (" + std::to_string(size) + " bytes).", again_hint,
                     {{"path", path}, {"size_bytes", std::to_string(size)}});
    };
    if (size < sizeof(header)) {
        throw truncated();
    }
    std::memcpy(&h, data, sizeof(h));
    if (h.version != version_1) {
        throw error("token_file_bad_version", "The token file " + path + " has version " + std::to_string(h.version) + "; this version of Forja reads 1.",
                    again_hint, {{"path", path}, {"version", std::to_string(h.version)}});
    }
    // Divisions, not products: the numbers of a damaged file may overflow.
    if (h.n_tokens > (size - sizeof(header)) / sizeof(uint32_t)) {
        throw truncated();
    }
    if (h.index_offset < sizeof(header) + h.n_tokens * sizeof(uint32_t)) {
        throw corrupt(path, "its index overlaps its tokens");
    }
    if (h.index_offset > size || h.n_rows > (size - h.index_offset) / sizeof(index_bytes)) {
        throw truncated();
    }
    n_rows_       = h.n_rows;
    n_tokens_     = h.n_tokens;
    n_supervised_ = h.n_supervised;
    index_offset_ = h.index_offset;
    n_vocab_      = h.n_vocab;
    vocab_hash_   = h.vocab_hash;
    n_dataset_rows_ = h.n_dataset_rows;
    if (h.kind > static_cast<uint32_t>(row_kind::labelled)) {
        throw corrupt(path, "its rows are of an unknown kind");
    }
    kind_ = static_cast<row_kind>(h.kind);
    if (kind_ == row_kind::pairs && n_rows_ % 2 != 0) {
        throw corrupt(path, "a pair lacks one of its rows");
    }

    uint64_t next = 0, supervised = 0;
    for (uint64_t i = 0; i < n_rows_; ++i) {
        index_bytes e;
        std::memcpy(&e, data + index_offset_ + i * sizeof(e), sizeof(e));
        if (e.first_token > n_tokens_ || e.n_tokens > n_tokens_ - e.first_token) {
            throw corrupt(path, "row " + std::to_string(i) + " lies outside of it");
        }
        if (e.n_supervised > 0 && e.n_supervised >= e.n_tokens) {
            throw corrupt(path, "row " + std::to_string(i) + " has more learnt tokens than it can");
        }
        next += e.n_tokens;
        supervised += e.n_supervised;
    }
    if (next != n_tokens_ || supervised != n_supervised_) {
        throw corrupt(path, "its rows don't add up to its header's counts");
    }
}

std::shared_ptr<token_file> token_file::open(const std::string & path) {
    return std::shared_ptr<token_file>(new token_file(path));
}

void token_file::require_vocab(uint32_t n_vocab, uint64_t vocab_hash) const {
    if (n_vocab != n_vocab_ || vocab_hash != vocab_hash_) {
        throw error("token_file_vocab_mismatch", "The token file " + path_ + " was made for another model: its vocabulary differs.",
                    "Tokenise the dataset again with this model.",
                    {{"path", path_}, {"n_vocab_file", std::to_string(n_vocab_)}, {"n_vocab_model", std::to_string(n_vocab)}});
    }
}

token_row token_file::row_unchecked(uint64_t i) const {
    if (i >= n_rows_) {
        throw failure("internal", "Row " + std::to_string(i) + " of " + std::to_string(n_rows_) + " was asked for.");
    }
    index_bytes e;
    std::memcpy(&e, file_.data() + index_offset_ + i * sizeof(e), sizeof(e));
    const auto * payload = reinterpret_cast<const uint32_t *>(file_.data() + sizeof(header));
    return {payload + e.first_token, e.n_tokens, e.n_supervised, e.source_row & ~desirable_bit, e.row_hash, (e.source_row & desirable_bit) != 0};
}

token_row token_file::row(uint64_t i) const {
    const token_row r = row_unchecked(i);
    if (fnv1a_of_words(r.tokens, r.n_tokens) != r.row_hash) {
        throw corrupt(path_, "the tokens of row " + std::to_string(i) + " were changed");
    }
    uint32_t supervised = 0;
    for (uint32_t t = 0; t < r.n_tokens; ++t) {
        supervised += is_supervised(r.tokens[t]) ? 1 : 0;
        if (static_cast<uint32_t>(token_id(r.tokens[t])) >= n_vocab_) {
            throw corrupt(path_, "row " + std::to_string(i) + " has a token outside of the vocabulary");
        }
    }
    if (supervised != r.n_supervised || (r.n_tokens > 0 && is_supervised(r.tokens[0]))) {
        throw corrupt(path_, "the marks of row " + std::to_string(i) + " don't fit its count");
    }
    return r;
}

token_file_writer::token_file_writer(const std::string & path, uint32_t n_vocab, uint64_t vocab_hash, uint64_t n_dataset_rows, row_kind kind)
    : file_(path), index_(path + ".index"), vocab_hash_(vocab_hash), n_dataset_rows_(n_dataset_rows), n_vocab_(n_vocab), kind_(kind) {
    file_.write_zeros(sizeof(header)); // filled in by finish()
}

void token_file_writer::add_row(const uint32_t * words, size_t n_words, uint64_t source_row, bool desirable) {
    if (n_words > std::numeric_limits<uint32_t>::max()) {
        throw error("row_too_long", "Row " + std::to_string(source_row) + " has more tokens than can be counted.", "Split it.",
                    {{"row", std::to_string(source_row)}});
    }
    row_.assign(words, words + n_words);
    if (!row_.empty()) {
        row_[0] &= ~supervised_bit;
    }
    uint32_t supervised = 0;
    for (const uint32_t word : row_) {
        supervised += is_supervised(word) ? 1 : 0;
    }
    const index_bytes entry{n_tokens_, static_cast<uint32_t>(n_words), supervised, desirable ? source_row | desirable_bit : source_row, fnv1a_of_words(row_.data(), n_words)};
    file_.write(row_.data(), n_words * sizeof(uint32_t));
    index_.write(&entry, sizeof(entry));
    ++n_rows_;
    n_tokens_ += n_words;
    n_supervised_ += supervised;
}

void token_file_writer::finish() {
    header h;
    h.n_rows       = n_rows_;
    h.n_tokens     = n_tokens_;
    h.n_supervised = n_supervised_;
    // The index begins at a multiple of 8, so that its numbers can be read in place.
    file_.write_zeros(file_.size_bytes() % 8);
    h.index_offset = file_.size_bytes();
    h.n_vocab      = n_vocab_;
    h.kind         = static_cast<uint32_t>(kind_);
    h.vocab_hash   = vocab_hash_;
    h.n_dataset_rows = n_dataset_rows_;
    std::vector<uint8_t> piece(size_t{1} << 18);
    for (uint64_t at = 0; at < index_.size_bytes(); at += piece.size()) {
        piece.resize(static_cast<size_t>(std::min<uint64_t>(piece.size(), index_.size_bytes() - at)));
        index_.read(at, piece.data(), piece.size());
        file_.write(piece.data(), piece.size());
    }
    file_.overwrite(0, &h, sizeof(h));
    file_.commit();
}

} // namespace forja
