// The marks in a text that are tokens of their own, such as <|im_start|>, found as libllama finds them: the longest first, whatever
// comes before. With one difference that is the point: where a text is marked literal (what a person or a dataset wrote), a
// control token's mark is only text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct llama_vocab;

namespace forja {

struct text_range {
    size_t begin, end;
};

/// A part of a text: plain, or the mark of a token.
struct text_part {
    size_t  begin, end;
    int32_t token; // -1: plain
};

/// Room that one thread reuses.
struct mark_room {
    struct found {
        size_t begin, mark;
    };
    struct taken {
        size_t begin, end, mark;
    };
    std::vector<found>     all_found;
    std::vector<taken>     all_taken;
    std::vector<text_part> parts;
};

class special_tokens {
  public:
    explicit special_tokens(const llama_vocab * vocab);

    /// The parts of a text in their order, none of them empty; white space that a mark swallows is in none. They lie in `room`.
    /// @param literal ranges in their order; marks of control tokens count only where they touch none of these
    /// @param borders places in their order, across which no mark reaches and none swallows what comes before it
    /// @param is_certain set to false where two marks of one length overlap: then only libllama knows which it takes
    const std::vector<text_part> & split(std::string_view text, const std::vector<text_range> & literal, std::span<const size_t> borders, bool & is_certain,
                                         mark_room & room) const;

  private:
    struct mark {
        int32_t token;
        size_t  size;
        bool    is_control, strips_left, strips_right;
    };
    void look(std::string_view text, std::vector<mark_room::found> & found) const;

    std::vector<mark> marks_;
    // A tree of the marks' bytes. Node 0 is the root, and so never a child.
    struct edge {
        uint32_t from, to;
    };
    static uint32_t edge_of(uint32_t node, char byte) { return node << 8 | static_cast<uint8_t>(byte); }
    size_t          place_of(uint32_t from) const; // of that edge in edges_, or the free one (to = 0) where it would be

    std::vector<edge>    edges_;   // open addressing; `from` is edge_of() of where it begins
    std::vector<int32_t> mark_at_; // of each node, the mark that ends there or -1
    bool                 begins_[256]{};
    int                  begin_ = -1; // the byte that all marks begin with, if it is one
};

} // namespace forja
