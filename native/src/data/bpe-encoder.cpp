#include "data/bpe-encoder.hpp"

#include <array>
#include <optional>
#include <string>

#include "data/gguf-strings.hpp"

namespace forja {

namespace {

/// Vocabularies write each byte as a printable character: printable Latin-1 bytes as themselves, the others as U+0100 and on.
class byte_symbols {
  public:
    byte_symbols() {
        bytes_.fill(-1);
        int next = 0x100;
        for (int b = 0; b < 256; ++b) {
            const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            bytes_[static_cast<size_t>(printable ? b : next++)] = static_cast<int16_t>(b);
        }
    }

    /// The bytes that a token stands for; none for one that isn't written in symbols.
    std::optional<std::string> decode(std::string_view symbols) const {
        std::string out;
        for (size_t i = 0; i < symbols.size();) {
            const auto first = static_cast<uint8_t>(symbols[i]);
            size_t     code  = first;
            if (first < 0x80) {
                ++i;
            } else if (first < 0xE0 && i + 1 < symbols.size()) {
                code = (first & 0x1Fu) << 6 | (static_cast<uint8_t>(symbols[i + 1]) & 0x3Fu);
                i += 2;
            } else {
                return std::nullopt;
            }
            if (code >= bytes_.size() || bytes_[code] < 0) {
                return std::nullopt;
            }
            out += static_cast<char>(bytes_[code]);
        }
        return out;
    }

  private:
    std::array<int16_t, 0x144> bytes_{};
};

} // namespace

std::unique_ptr<bpe_encoder> bpe_encoder::load(const gguf_file & model, bool whole_words) {
    const int64_t tokens = string_array(model, "tokenizer.ggml.tokens"), merges = string_array(model, "tokenizer.ggml.merges");
    if (tokens < 0 || merges < 0 || gguf_get_arr_n(model.meta(), merges) >= pair_table::most_merges) {
        return nullptr;
    }
    const byte_symbols symbols;
    const size_t       n_tokens = gguf_get_arr_n(model.meta(), tokens), n_merges = gguf_get_arr_n(model.meta(), merges);
    auto               encoder = std::make_unique<bpe_encoder>();
    encoder->n_tokens_         = static_cast<int32_t>(n_tokens);

    // Texts get numbers; of those that are tokens ids[number] is the token's, of others (joined, but no token) one beyond them.
    text_table           texts(n_tokens + n_merges / 8);
    std::vector<int32_t> ids;
    for (size_t i = 0; i < n_tokens; ++i) {
        if (const auto bytes = symbols.decode(gguf_get_arr_str(model.meta(), tokens, i)); bytes && !bytes->empty()) {
            const uint32_t number = texts.number_of(*bytes);
            ids.resize(texts.size(), -1);
            ids[number] = static_cast<int32_t>(i); // of two that read alike libllama takes the last
        }
    }
    int32_t    beyond = encoder->n_tokens_;
    const auto id_of  = [&](std::string_view bytes) {
        const uint32_t number = texts.number_of(bytes);
        if (number >= ids.size()) {
            ids.push_back(beyond++);
        }
        return ids[number];
    };
    if (whole_words) {
        encoder->whole_       = texts;
        encoder->whole_ids_   = ids;
        encoder->whole_known_ = bit_filter(texts.size());
        for (uint32_t number = 0; number < texts.size(); ++number) {
            encoder->whole_known_.add(text_table::of(texts.text(number)));
        }
    }
    for (int b = 0; b < 256; ++b) {
        const char byte    = static_cast<char>(b);
        encoder->bytes_[b] = id_of({&byte, 1});
    }
    encoder->pairs_ = pair_table(n_merges);
    for (size_t i = 0; i < n_merges; ++i) {
        const std::string_view merge = gguf_get_arr_str(model.meta(), merges, i);
        const size_t           space = merge.find(' ', 1);
        if (space == std::string_view::npos) {
            return nullptr;
        }
        const auto left = symbols.decode(merge.substr(0, space)), right = symbols.decode(merge.substr(space + 1));
        if (!left || !right || left->empty() || right->empty()) {
            return nullptr;
        }
        const int32_t id = id_of(*left + *right);
        encoder->pairs_.add(id_of(*left), id_of(*right), i, id);
    }
    for (int left = 0; left < 256; ++left) {
        for (int right = 0; right < 256; ++right) {
            encoder->byte_pairs_.push_back(encoder->pairs_.find(encoder->bytes_[left], encoder->bytes_[right]));
        }
    }
    return encoder;
}

bool bpe_encoder::encode(std::string_view word, merge_room & room, std::vector<int32_t> & out) const {
    if (whole_.size() > 0) {
        const uint64_t hash   = text_table::of(word);
        const uint32_t number = whole_known_.may_hold(hash) ? whole_.find(word, hash) : text_table::none;
        if (number != text_table::none) {
            out.push_back(whole_ids_[number]);
            return true;
        }
    }
    room.symbols.clear();
    for (size_t i = 0; i < word.size(); ++i) {
        room.symbols.push_back({static_cast<uint32_t>(i), 1, bytes_[static_cast<uint8_t>(word[i])]});
    }
    const auto byte_at = [word](const symbol & s) { return static_cast<size_t>(static_cast<uint8_t>(word[s.begin])); };
    merge_symbols(
        room, [&](const symbol & left, const symbol & right) { return byte_pairs_[byte_at(left) << 8 | byte_at(right)]; },
        [this](const symbol & left, const symbol & right) { pairs_.expect(left.id, right.id); },
        [this](const symbol & left, const symbol & right) { return pairs_.find(left.id, right.id); });
    for (const symbol & s : room.symbols) {
        if (s.id >= n_tokens_) {
            return false;
        }
    }
    for (const symbol & s : room.symbols) {
        out.push_back(s.id);
    }
    return true;
}

} // namespace forja
