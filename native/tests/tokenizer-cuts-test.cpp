// Where a text is cut before it is tokenised: the place that one finds by looking at every byte, and no byte is looked at twice,
// or a text of one long line would take the square of its length.
#include <algorithm>
#include <string>

#include "base/random.hpp"
#include "data/joint-bytes.hpp"
#include "support/report.hpp"

using namespace forja;
using namespace forja::test;

namespace {

bool is_line_end(char c) { return c == '\n'; }

/// Walks over the text; counts the bytes that are looked at.
void test_walk(const std::string & what, const joint_bytes & joint, const std::string & text) {
    size_t looked_at = 0, cuts = 0;
    bool   same = true;
    for (size_t from = 0, to; from < text.size(); from = to, ++cuts) {
        to = joint.next_cut(text, from, [&](char c) {
            ++looked_at;
            return is_line_end(c);
        });
        size_t line_end = from + 1;
        while (line_end < text.size() && !is_line_end(text[line_end])) {
            ++line_end;
        }
        // Beyond the line's end nothing counts; what lies within it is joint_bytes' own answer.
        same = same && to == std::min(line_end, joint.next_cut(std::string_view(text).substr(0, line_end), from));
    }
    check(same, "cuts are those of joint_bytes and line ends: " + what);
    check(cuts > 1 && looked_at <= text.size(), "no byte is looked at twice: " + what);
}

} // namespace

int main() {
    joint_bytes joint;
    for (const char * piece : {" the", "the", " a", "user", "s,", "\n\n", "\xE2\x80\xA6", "\xC3\xA9t"}) {
        joint.add(piece);
    }
    const std::string parts[] = {" the", " user", " a", "s,", "\xC3\xA9t", "\xE2\x80\xA6", "\xE2\x96\x81", "7", "\n"};
    std::string       line, lines;
    for (uint64_t i = 0; i < 4000; ++i) {
        line += parts[mix64(i) % 8];
        lines += parts[mix64(i) % 9];
    }
    test_walk("one long line", joint, line);
    test_walk("lines", joint, lines);
    std::string only_lines; // beside U+2581 there is no cut but the line's end
    for (int i = 0; i < 1000; ++i) {
        only_lines += "\xE2\x96\x81\n";
    }
    test_walk("lines of U+2581", joint, only_lines);
    test_walk("line ends", joint, std::string(1000, '\n'));
    check(joint.next_cut(" the user", 0) == 4 && joint.next_cut("the", 0) == 3 && joint.next_cut("\xC3\xA9", 0) == 2, "cuts by hand");
    return result();
}
