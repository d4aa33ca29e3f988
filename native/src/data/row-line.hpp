// One row as the core sends it: {"row": 12, "segments": [["text", 0], ["more", 1, 1]], "windows": 1}. A pair has its rejected answer in
// "rejected", as segments; a labelled row has "desirable": 0 or 1.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "data/tokenizer.hpp"

namespace forja {

struct row_line {
    uint64_t             source_row;
    std::vector<segment> segments;
    std::vector<segment> rejected;        // pairs: the whole row with the rejected answer in place of the chosen one
    bool                 desirable = false;
    bool                 windows = false; // where it is longer than a row may be, it becomes several (text-windows.hpp)
};

/// @param number the line's, from 1; a row without a number of its own gets it
/// @throws error rows_invalid with the line's number and what is wrong
row_line parse_row_line(std::string_view line, uint64_t number);

} // namespace forja
