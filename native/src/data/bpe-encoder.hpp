// Byte-level BPE of one word, with the merges of the model's own file. libllama does the same with a map of pairs of strings and
// spends some 20 microseconds on a word; this takes a few hundred nanoseconds.
// Source of the method: Sennrich et al. 2016; of the byte symbols: Radford et al. 2019.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "data/bit-filter.hpp"
#include "data/merge-symbols.hpp"
#include "data/pair-table.hpp"
#include "data/text-table.hpp"
#include "gguf/gguf-file.hpp"

namespace forja {

class bpe_encoder {
  public:
    /// nullptr when the file has no merges, or holds what this can't do.
    /// @param whole_words a word that is a token as it stands is taken so
    static std::unique_ptr<bpe_encoder> load(const gguf_file & model, bool whole_words);

    /// Appends the tokens of a word. False, with nothing appended, when a part of it is no token: libllama must say what then.
    bool encode(std::string_view word, merge_room & room, std::vector<int32_t> & out) const;

  private:
    int32_t              n_tokens_ = 0;
    int32_t              bytes_[256]{}; // ids of single bytes
    std::vector<joined>  byte_pairs_;   // [256 * left + right]: every word begins with these
    pair_table           pairs_;
    text_table           whole_; // empty unless whole words are kept
    bit_filter           whole_known_;
    std::vector<int32_t> whole_ids_;
};

} // namespace forja
