// SentencePiece's BPE: neighbours whose text is a token are joined, that of the highest score first. A text can be cut between two
// bytes that no token holds side by side: nothing is ever joined across such a place.
// Source of the method: Kudo and Richardson 2018, as llama.cpp reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/joint-bytes.hpp"
#include "data/merge-symbols.hpp"
#include "data/piece-table.hpp"

struct llama_vocab;

namespace forja {

class spm_encoder {
  public:
    /// From a vocabulary of libllama's type SPM. nullptr when a byte has no token.
    static std::unique_ptr<spm_encoder> load(const llama_vocab * vocab);

    /// The first place to cut after `from`, or text.size().
    size_t next(std::string_view text, size_t from) const { return joint_.next_cut(text, from); }

    /// Appends the tokens of a text, in which spaces are spaces. Control tokens never come out of it.
    /// @param spaced room for a text in which U+2581 occurs
    void encode(std::string_view text, merge_room & room, std::string & spaced, std::vector<int32_t> & out) const;

  private:
    piece_table          pieces_; // by their texts with a space for each U+2581; of the highest score first
    int32_t              ascii_[128]{};  // by a character; -1 where it is no piece
    std::vector<joined>  ascii_pairs_;   // [128 * left + right]: most of what a text begins with
    int32_t              bytes_[256]{};
    joint_bytes          joint_;
};

} // namespace forja
