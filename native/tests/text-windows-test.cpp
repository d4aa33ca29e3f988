// Windows of plain text: every token is learnt once, and the cuts lie where a reader would cut.
#include <map>
#include <string>
#include <vector>

#include "data/text-windows.hpp"
#include "data/token-file.hpp"
#include "support/report.hpp"

using namespace forja;
using namespace forja::test;

namespace {

/// A row of the given pieces, one token each, all learnt but for the first.
struct text {
    std::vector<std::string> pieces;
    std::vector<uint32_t>    words;

    explicit text(std::vector<std::string> p) : pieces(std::move(p)) {
        for (size_t i = 0; i < pieces.size(); ++i) {
            words.push_back(static_cast<uint32_t>(i) | (i > 0 ? supervised_bit : 0u));
        }
    }

    std::vector<text_window> cut(const window_options & o) const {
        return cut_windows(words, o, [&](int32_t token) { return pieces[static_cast<size_t>(token)]; });
    }

    std::string of(const text_window & w) const {
        std::string all;
        for (size_t i = w.begin; i < w.end; ++i) {
            all += pieces[i];
        }
        return all;
    }
};

std::vector<std::string> repeated(size_t n, const std::string & piece) {
    return std::vector<std::string>(n, piece);
}

/// Each token is learnt exactly once, in its window; windows are no longer than they may be.
void test_nothing_is_lost() {
    for (const bool has_bos : {false, true}) {
        for (const size_t overlap : {size_t{0}, size_t{1}, size_t{3}, size_t{100}}) {
            for (const size_t n : {size_t{9}, size_t{10}, size_t{16}, size_t{17}, size_t{100}, size_t{1000}}) {
                const text            t(repeated(n, "x"));
                const window_options  o{8, overlap, has_bos};
                std::map<int32_t, int> learnt;
                bool                  fits = true;
                for (const text_window & w : t.cut(o)) {
                    std::vector<uint32_t> row;
                    add_window(t.words, w, has_bos, row);
                    fits = fits && row.size() <= 8 && row.size() > w.n_given;
                    // A row's first token is never learnt, whatever its mark (token_file_writer clears it).
                    for (size_t i = 1; i < row.size(); ++i) {
                        learnt[token_id(row[i])] += is_supervised(row[i]) ? 1 : 0;
                    }
                    fits = fits && (!has_bos || token_id(row.front()) == 0);
                }
                bool once = learnt.size() + (has_bos ? 0 : 1) >= n - 1;
                for (size_t i = 1; i < n; ++i) {
                    once = once && learnt[static_cast<int32_t>(i)] == 1;
                }
                check(fits && once, "windows: each of " + std::to_string(n) + " tokens is learnt once, overlap " + std::to_string(overlap) + (has_bos ? ", BOS" : ""));
            }
        }
    }
}

void test_cuts() {
    const window_options o{8, 0, false};
    const auto           first = [&](std::vector<std::string> pieces) {
        const text t(std::move(pieces));
        return t.of(t.cut(o).front());
    };
    check(first({"a", " b", " c", " d", ".\n", "\n", " e", " f", " g", " h"}) == "a b c d.\n\n", "windows: after a paragraph");
    check(first({"a", " b", " c", " d", "\n", " e.", " f", " g", " h", " i"}) == "a b c d\n", "windows: a line's end before a sentence's");
    check(first({"a", " b", " c", " d", " e", ".", " F", " g", " h", " i"}) == "a b c d e.", "windows: a sentence before a word");
    check(first({"a", " b", " c", " d", " e", " 3", ".", "5", "x", "y"}) == "a b c d e", "windows: a point in a number is no sentence's end");
    check(first({"。", "b", "c", "d", "e", "。", "f", "g", "h", "i"}) == "。bcde。", "windows: a sentence of a script without blanks");
    check(first({"a", "b", "c", "d", "e", "f", "\xf0\x9f", "\x98\x80", "\xf0\x9f", "\x98\x81"}) == "abcdef\xf0\x9f\x98\x80", "windows: at the end where all is one character's");
    check(first({"a", "b", "c", "d", "e", "f", "g", "\xf0\x9f", "\x98\x80", "h"}) == "abcdefg", "windows: not inside a character");
    check(first(repeated(20, "\x80")) == std::string(8, '\x80'), "windows: anywhere where there is no better place");
    // Only the second half is looked at: a window is never tiny.
    check(first({"a", "\n\n", "b", "c", "d", "e", "f", "g", "h", "i"}) == "a\n\nbcdefg", "windows: not in its first half");
}

void test_overlap() {
    const text t(repeated(20, "x"));
    const auto w = t.cut({8, 3, true});
    check(w[0].begin == 1 && w[0].end == 8 && w[0].n_given == 0, "windows: the first begins behind BOS");
    check(w[1].begin == 5 && w[1].n_given == 3 && w[1].end == 12, "windows: the next repeats three tokens");
    std::vector<uint32_t> row;
    add_window(t.words, w[1], true, row);
    check(row.size() == 8 && row[0] == 0u && row[3] == 7u && row[4] == (8u | supervised_bit), "windows: what is repeated is not learnt again");
}

} // namespace

int main() {
    test_nothing_is_lost();
    test_cuts();
    test_overlap();
    return result();
}
