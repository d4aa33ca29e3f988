// The .fjt token file: what is written is read, and every damage is refused.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/hash.hpp"
#include "base/random.hpp"
#include "data/length-counts.hpp"
#include "data/token-file.hpp"
#include "support/expect-error.hpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja;
using namespace forja::test;

namespace {

template <typename T> void patch(std::string & bytes, size_t at, T value) { std::memcpy(bytes.data() + at, &value, sizeof(T)); }

constexpr uint32_t s = supervised_bit;

void write_sample(const std::string & path) {
    token_file_writer writer(path, 100, 0x1234, 77);
    const uint32_t    a[] = {1 | s, 2, 3 | s, 4 | s}, b[] = {7}, c[] = {5, 6 | s};
    writer.add_row(a, 4, 11);
    writer.add_row(nullptr, 0, 12);
    writer.add_row(b, 1, 13);
    writer.add_row(c, 2, 14);
    writer.add_row(c, 2, 15);
    writer.finish();
}

/// Opens and reads every row.
void read_everything(const std::string & path) {
    const auto file = token_file::open(path);
    for (uint64_t i = 0; i < file->n_rows(); ++i) {
        file->row(i);
    }
}

/// Counted, lengths give what sorting them would.
void test_length_counts() {
    check(length_counts().percentile(0.5) == 0 && length_counts().histogram().empty(), "lengths: none");
    for (const size_t n : {1, 2, 19, 20, 21, 5000}) {
        length_counts         counts;
        std::vector<uint64_t> all;
        for (size_t i = 0; i < n; ++i) {
            // Of every size, also beyond those that have a counter of their own.
            all.push_back(mix64(i) % (uint64_t{1} << mix64(i + n) % 24));
            counts.add(all.back());
        }
        std::sort(all.begin(), all.end());
        bool same = counts.size() == n;
        for (const double share : {0.01, 0.5, 0.95, 1.0}) {
            const auto rank = static_cast<size_t>(share * static_cast<double>(n) + 0.9999999);
            same            = same && counts.percentile(share) == all[std::clamp<size_t>(rank, 1, n) - 1];
        }
        uint64_t below = 0, first = 0;
        for (const auto & [bound, count] : counts.histogram()) {
            const auto up_to = static_cast<uint64_t>(std::upper_bound(all.begin(), all.end(), bound) - all.begin());
            same             = same && count == up_to - below && bound == (first == 0 ? 16 : 2 * first);
            below            = up_to;
            first            = bound;
        }
        check(same && below == n, "lengths: percentiles and histogram of " + std::to_string(n));
    }
}

void test_hash() {
    std::vector<uint32_t> words;
    for (uint64_t i = 0; i < 999; ++i) {
        const auto word = static_cast<uint32_t>(mix64(i));
        words.push_back(i % 3 == 0 ? word : i % 3 == 1 ? word & 0xffffu : (word & 0xffu) << (i % 2 * 8));
        words.push_back(words.back() ^ (i % 5 == 0 ? supervised_bit : 0));
    }
    check(fnv1a_of_words(words.data(), words.size()) == fnv1a(words.data(), words.size() * sizeof(uint32_t)) &&
              fnv1a_of_words(nullptr, 0) == fnv1a_start,
          "the quick hash of words is that of their bytes");
}

} // namespace

int main() {
    const temporary_folder dir;
    const std::string      path = dir.path("rows.fjt");
    write_sample(path);
    check(std::distance(std::filesystem::directory_iterator(std::filesystem::path(path).parent_path()), {}) == 1, "nothing is left beside the file");
    test_length_counts();
    test_hash();
    {
        const auto file = token_file::open(path);
        check(file->n_rows() == 5 && file->n_tokens() == 9 && file->n_supervised() == 4, "counts");
        check(file->n_dataset_rows() == 77, "rows of the dataset that these are a sample of");
        check(file->n_vocab() == 100 && file->vocab_hash() == 0x1234, "vocabulary");
        const token_row a = file->row(0);
        check(a.n_tokens == 4 && a.n_supervised == 2 && a.source_row == 11, "first row");
        check(a.tokens[0] == 1 && a.tokens[1] == 2 && token_id(a.tokens[2]) == 3 && is_supervised(a.tokens[2]), "the first token's mark is cleared");
        check(file->row(1).n_tokens == 0 && file->row(2).n_supervised == 0 && token_id(file->row(3).tokens[1]) == 6, "other rows");
        check(file->row(3).row_hash == file->row(4).row_hash && file->row(3).row_hash != a.row_hash, "row hashes");
        file->require_vocab(100, 0x1234);
        check_fails("token_file_vocab_mismatch", "another vocabulary size", [&] { file->require_vocab(101, 0x1234); });
        check_fails("token_file_vocab_mismatch", "another vocabulary", [&] { file->require_vocab(100, 0x1235); });
    }

    const std::string whole = read_all(path), bad = dir.path("bad.fjt");
    const auto        spoilt = [&](const std::string & code, const std::string & what, const auto & change) {
        std::string bytes = whole;
        change(bytes);
        write_all(bad, bytes);
        check_fails(code, what, [&] { read_everything(bad); });
    };
    bool all_refused = true;
    for (size_t n = 0; n < whole.size(); ++n) {
        write_all(bad, whole.substr(0, n));
        const std::string code = error_code_of([&] { read_everything(bad); });
        all_refused            = all_refused && (code == (n < 4 ? "token_file_bad_magic" : "token_file_truncated"));
    }
    check(all_refused, "every length of a truncated file is refused");
    const size_t index = 64 + 9 * 4 + 4; // padded to a multiple of 8
    spoilt("token_file_bad_magic", "another magic", [](std::string & b) { b[0] = 'X'; });
    spoilt("token_file_bad_version", "another version", [](std::string & b) { patch<uint32_t>(b, 4, 2); });
    spoilt("token_file_truncated", "more rows than fit", [](std::string & b) { patch<uint64_t>(b, 8, 6); });
    spoilt("token_file_truncated", "a row count that overflows", [](std::string & b) { patch<uint64_t>(b, 8, UINT64_MAX / 16); });
    spoilt("token_file_truncated", "a token count that overflows", [](std::string & b) { patch<uint64_t>(b, 16, UINT64_MAX / 2); });
    spoilt("token_file_corrupt", "fewer rows than tokens need", [](std::string & b) { patch<uint64_t>(b, 8, 4); });
    spoilt("token_file_corrupt", "another supervised count", [](std::string & b) { patch<uint64_t>(b, 24, 3); });
    spoilt("token_file_corrupt", "an index inside the tokens", [](std::string & b) { patch<uint64_t>(b, 32, 70); });
    spoilt("token_file_truncated", "an index past the end", [](std::string & b) { patch<uint64_t>(b, 32, UINT64_MAX); });
    spoilt("token_file_corrupt", "a row past the tokens", [&](std::string & b) { patch<uint64_t>(b, index, 100); });
    spoilt("token_file_corrupt", "a row that is too long", [&](std::string & b) { patch<uint32_t>(b, index + 8, 10); });
    spoilt("token_file_corrupt", "a changed token", [](std::string & b) { b[64 + 4] = 9; });
    spoilt("token_file_corrupt", "a changed mark", [](std::string & b) { b[64 + 7] = char(0x80); });
    spoilt("token_file_corrupt", "a token outside of the vocabulary", [](std::string & b) { patch<uint32_t>(b, 40, 5); });
    check_fails("file_not_found", "a missing file", [&] { token_file::open(dir.path("none.fjt")); });
    {
        token_file_writer writer(path, 1, 1);
        const uint32_t    word = 0;
        writer.add_row(&word, 1, 1);
    }
    check(read_all(path) == whole, "an unfinished writer leaves the old file");
    return result();
}
