// BPE of characters, not of bytes, with the merges of the model's own file and U+2581 for a space: Gemma 4's. Lines are all that
// a text is cut into before; joint_bytes finds places for more cuts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/joint-bytes.hpp"
#include "data/merge-symbols.hpp"
#include "data/pair-table.hpp"
#include "data/text-table.hpp"
#include "gguf/gguf-file.hpp"

namespace forja {

class char_bpe_encoder {
  public:
    /// nullptr when the file has no merges, or holds what this can't do.
    static std::unique_ptr<char_bpe_encoder> load(const gguf_file & model);

    /// The end of the stretch that begins at `from` < text.size(), where the one before ended.
    size_t next(std::string_view text, size_t from) const;

    /// Appends the tokens of a stretch, in which spaces are spaces. What is no token becomes those of its bytes, which may be missing.
    /// @param spaced room for a text in which U+2581 occurs
    void encode(std::string_view text, merge_room & room, std::string & spaced, std::vector<int32_t> & out) const;

  private:
    int32_t id_of(std::string_view text) const;

    int32_t              n_tokens_ = 0;
    text_table           texts_; // of tokens and of what is joined on the way to them, with spaces
    std::vector<int32_t> ids_;   // by a text's number; n_tokens_ and on for those that are no tokens
    pair_table           pairs_;
    joint_bytes          joint_;
    int32_t              ascii_[128]{}; // by a character; -1 where it is no token
    std::vector<joined>  ascii_pairs_;  // [128 * left + right]: most of what a stretch begins with
    int32_t              bytes_[256]{}; // -1 where a byte has no token
};

} // namespace forja
