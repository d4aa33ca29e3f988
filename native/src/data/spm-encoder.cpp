#include "data/spm-encoder.hpp"

#include <algorithm>
#include <cstdio>

#include "llama.h"

#include "data/spaced-text.hpp"

namespace forja {

std::unique_ptr<spm_encoder> spm_encoder::load(const llama_vocab * vocab) {
    auto          encoder = std::make_unique<spm_encoder>();
    const int32_t n       = llama_vocab_n_tokens(vocab);
    encoder->pieces_      = piece_table(static_cast<size_t>(n));
    std::fill(std::begin(encoder->bytes_), std::end(encoder->bytes_), -1);
    for (int32_t i = 0; i < n; ++i) {
        std::string text = llama_vocab_get_text(vocab, i);
        // A control token is never made of plain text: its mark was cut out before, where it counts as one. Nor is one with a space,
        // since there are none when pieces are looked for.
        if (text.empty() || text.find(' ') != std::string::npos ||
            (llama_vocab_get_attr(vocab, i) & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0) {
            continue;
        }
        put_spaces(text);
        encoder->pieces_.put(text, {llama_vocab_get_score(vocab, i), i}); // of two that read alike libllama takes the last
        encoder->joint_.add(text);
    }
    for (int b = 0; b < 256; ++b) {
        char      name[8];
        const int size     = std::snprintf(name, sizeof(name), "<0x%02X>", static_cast<unsigned>(b));
        encoder->bytes_[b] = encoder->pieces_.find(name, 0, static_cast<size_t>(size)).id;
        if (encoder->bytes_[b] < 0) {
            return nullptr;
        }
    }
    for (int left = 0; left < 128; ++left) {
        const char one[] = {static_cast<char>(left)};
        encoder->ascii_[left] = encoder->pieces_.find({one, 1}, 0, 1).id;
        for (int right = 0; right < 128; ++right) {
            const char two[] = {static_cast<char>(left), static_cast<char>(right)};
            encoder->ascii_pairs_.push_back(encoder->pieces_.find({two, 2}, 0, 2));
        }
    }
    return encoder;
}

void spm_encoder::encode(std::string_view text, merge_room & room, std::string & spaced, std::vector<int32_t> & out) const {
    text = with_spaces(text, spaced);
    room.symbols.clear();
    for (size_t i = 0; i < text.size();) {
        const size_t n = std::min(char_size(text[i]), text.size() - i);
        const int32_t id = n == 1 ? ascii_[static_cast<uint8_t>(text[i]) & 127] : pieces_.find(text, i, n).id;
        room.symbols.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(n), id});
        i += n;
    }
    const auto join = [&](const symbol & left, const symbol & right) { return pieces_.find(text, left.begin, left.size + right.size); };
    const auto first = [&](const symbol & left, const symbol & right) {
        return left.size == 1 && right.size == 1
                   ? ascii_pairs_[static_cast<size_t>(static_cast<uint8_t>(text[left.begin]) & 127) << 7 | (static_cast<uint8_t>(text[right.begin]) & 127)]
                   : join(left, right);
    };
    merge_symbols(room, first, [](const symbol &, const symbol &) {}, join);
    for (const symbol & s : room.symbols) {
        if (s.id >= 0) {
            out.push_back(s.id);
            continue;
        }
        // A character that is no token.
        const std::string_view bytes = text[s.begin] == ' ' ? escaped_space : text.substr(s.begin, s.size);
        for (const char byte : bytes) {
            out.push_back(bytes_[static_cast<uint8_t>(byte)]);
        }
    }
}

} // namespace forja
