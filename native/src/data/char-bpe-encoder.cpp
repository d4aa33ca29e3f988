#include "data/char-bpe-encoder.hpp"

#include <algorithm>
#include <cstdio>

#include "data/gguf-strings.hpp"
#include "data/spaced-text.hpp"

namespace forja {

std::unique_ptr<char_bpe_encoder> char_bpe_encoder::load(const gguf_file & model) {
    const int64_t tokens = string_array(model, "tokenizer.ggml.tokens"), merges = string_array(model, "tokenizer.ggml.merges");
    if (tokens < 0 || merges < 0) {
        return nullptr;
    }
    const size_t n_tokens = gguf_get_arr_n(model.meta(), tokens), n_merges = gguf_get_arr_n(model.meta(), merges);
    if (n_merges >= pair_table::most_merges) {
        return nullptr;
    }
    auto   encoder     = std::make_unique<char_bpe_encoder>();
    auto & texts       = encoder->texts_;
    auto & ids         = encoder->ids_;
    encoder->n_tokens_ = static_cast<int32_t>(n_tokens);
    encoder->pairs_    = pair_table(n_merges);
    texts              = text_table(n_tokens);
    std::string text;
    for (size_t i = 0; i < n_tokens; ++i) {
        text = gguf_get_arr_str(model.meta(), tokens, i);
        if (text.empty() || text.find(' ') != std::string::npos) { // there are no spaces where pieces are looked for
            continue;
        }
        put_spaces(text);
        const uint32_t number = texts.number_of(text);
        ids.resize(texts.size(), -1);
        ids[number] = static_cast<int32_t>(i); // of two that read alike libllama takes the last
    }
    int32_t    beyond = encoder->n_tokens_;
    const auto id_of  = [&](const std::string & piece) {
        const uint32_t number = texts.number_of(piece);
        if (number >= ids.size()) {
            ids.push_back(beyond++);
        }
        return ids[number];
    };
    for (size_t i = 0; i < n_merges; ++i) {
        const std::string_view merge = gguf_get_arr_str(model.meta(), merges, i);
        const size_t           space = merge.find(' ', 1);
        if (space == std::string_view::npos) {
            return nullptr;
        }
        std::string left(merge.substr(0, space)), right(merge.substr(space + 1));
        put_spaces(left);
        put_spaces(right);
        const std::string whole = left + right;
        encoder->pairs_.add(id_of(left), id_of(right), i, id_of(whole));
        encoder->joint_.add(whole);
    }
    for (int b = 0; b < 256; ++b) {
        char name[8];
        std::snprintf(name, sizeof(name), "<0x%02X>", static_cast<unsigned>(b));
        encoder->bytes_[b] = encoder->id_of(name);
    }
    for (int c = 0; c < 128; ++c) {
        const char one[] = {static_cast<char>(c)};
        encoder->ascii_[c] = encoder->id_of({one, 1});
    }
    for (const int32_t left : encoder->ascii_) {
        for (const int32_t right : encoder->ascii_) {
            encoder->ascii_pairs_.push_back(encoder->pairs_.find(left, right));
        }
    }
    return encoder;
}

int32_t char_bpe_encoder::id_of(std::string_view text) const {
    const uint32_t number = texts_.find(text);
    return number == text_table::none ? -1 : ids_[number];
}

size_t char_bpe_encoder::next(std::string_view text, size_t from) const {
    if (text[from] == '\n') { // a run of line ends is one stretch
        return std::min(text.find_first_not_of('\n', from), text.size());
    }
    return joint_.next_cut(text, from, [](char c) { return c == '\n'; });
}

void char_bpe_encoder::encode(std::string_view text, merge_room & room, std::string & spaced, std::vector<int32_t> & out) const {
    text = with_spaces(text, spaced);
    if (text.front() == '\n') {
        if (const int32_t whole = id_of(text); whole >= 0 && whole < n_tokens_) {
            out.push_back(whole);
            return;
        }
    }
    room.symbols.clear();
    for (size_t i = 0; i < text.size();) {
        const size_t n = std::min(char_size(text[i]), text.size() - i);
        const int32_t id = n == 1 ? ascii_[static_cast<uint8_t>(text[i]) & 127] : id_of(text.substr(i, n));
        room.symbols.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(n), id});
        i += n;
    }
    const auto join = [this](const symbol & left, const symbol & right) { return pairs_.find(left.id, right.id); };
    const auto first = [&](const symbol & left, const symbol & right) {
        return left.size == 1 && right.size == 1
                   ? ascii_pairs_[static_cast<size_t>(static_cast<uint8_t>(text[left.begin]) & 127) << 7 | (static_cast<uint8_t>(text[right.begin]) & 127)]
                   : join(left, right);
    };
    merge_symbols(room, first, [this](const symbol & left, const symbol & right) { pairs_.expect(left.id, right.id); }, join);
    for (const symbol & s : room.symbols) {
        if (s.id >= 0 && s.id < n_tokens_) {
            out.push_back(s.id);
            continue;
        }
        for (const char c : text.substr(s.begin, s.size)) {
            for (const char byte : c == ' ' ? escaped_space : std::string_view(&c, 1)) {
                if (const int32_t id = bytes_[static_cast<uint8_t>(byte)]; id >= 0 && id < n_tokens_) {
                    out.push_back(id);
                }
            }
        }
    }
}

} // namespace forja
