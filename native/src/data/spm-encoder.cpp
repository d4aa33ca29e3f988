#include "data/spm-encoder.hpp"

#include <algorithm>
#include <cstdio>

#include "llama.h"

namespace forja {

namespace {

constexpr const char * escaped_space = "\xE2\x96\x81"; // U+2581

size_t pair_of(char a, char b) { return static_cast<size_t>(static_cast<uint8_t>(a)) << 8 | static_cast<uint8_t>(b); }

} // namespace

std::unique_ptr<spm_encoder> spm_encoder::load(const llama_vocab * vocab) {
    auto          encoder = std::make_unique<spm_encoder>();
    const int32_t n       = llama_vocab_n_tokens(vocab);
    encoder->texts_       = text_table(static_cast<size_t>(n));
    std::fill(std::begin(encoder->bytes_), std::end(encoder->bytes_), -1);
    for (int32_t i = 0; i < n; ++i) {
        const std::string_view text = llama_vocab_get_text(vocab, i);
        // A control token is never made of plain text: its mark was cut out before, where it counts as one.
        if ((llama_vocab_get_attr(vocab, i) & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0) {
            continue;
        }
        const uint32_t number = encoder->texts_.number_of(text);
        encoder->pieces_.resize(encoder->texts_.size());
        encoder->pieces_[number] = {i, llama_vocab_get_score(vocab, i)}; // of two that read alike libllama takes the last
        std::string spaced(text);
        for (size_t at = 0; (at = spaced.find(escaped_space, at)) != std::string::npos;) {
            spaced.replace(at, 3, " ");
        }
        for (size_t at = 1; at < spaced.size(); ++at) {
            encoder->beside_.set(pair_of(spaced[at - 1], spaced[at]));
        }
    }
    for (int b = 0; b < 256; ++b) {
        char name[8];
        std::snprintf(name, sizeof(name), "<0x%02X>", static_cast<unsigned>(b));
        const uint32_t number = encoder->texts_.find(name);
        if (number == text_table::none) {
            return nullptr;
        }
        encoder->bytes_[b] = encoder->pieces_[number].id;
    }
    return encoder;
}

size_t spm_encoder::next(std::string_view text, size_t from) const {
    for (size_t i = from + 1; i < text.size(); ++i) {
        const auto byte = static_cast<uint8_t>(text[i]);
        // Never inside a character, nor beside a U+2581: that is what a space becomes.
        if ((byte & 0xC0) != 0x80 && !beside_.test(pair_of(text[i - 1], text[i])) && byte != 0xE2 && static_cast<uint8_t>(text[i - 1]) != 0x81) {
            return i;
        }
    }
    return text.size();
}

void spm_encoder::encode(std::string_view text, merge_room & room, std::string & escaped, std::vector<int32_t> & out) const {
    escaped.clear();
    for (const char c : text) {
        if (c == ' ') {
            escaped += escaped_space;
        } else {
            escaped += c;
        }
    }
    const std::string_view all = escaped;
    room.symbols.clear();
    for (size_t i = 0; i < all.size();) {
        const auto   first = static_cast<uint8_t>(all[i]);
        const size_t n     = std::min<size_t>(first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4, all.size() - i);
        const uint32_t number = texts_.find(all.substr(i, n));
        room.symbols.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(n), number == text_table::none ? -1 : pieces_[number].id});
        i += n;
    }
    merge_symbols(room, [&](const symbol & left, const symbol & right) -> joined {
        const uint32_t number = texts_.find(all.substr(left.begin, left.size + right.size));
        return number == text_table::none ? no_pair : joined{pieces_[number].score, pieces_[number].id};
    });
    for (const symbol & s : room.symbols) {
        if (s.id >= 0) {
            out.push_back(s.id);
            continue;
        }
        for (size_t i = s.begin; i < s.begin + s.size; ++i) { // a character that is no token
            out.push_back(bytes_[static_cast<uint8_t>(all[i])]);
        }
    }
}

} // namespace forja
