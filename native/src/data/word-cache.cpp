#include "data/word-cache.hpp"


namespace forja {

namespace {

// About 10 MB a thread; full, a table starts anew.
constexpr size_t max_words = 50000;

unsigned char byte_at(std::string_view text, size_t i) { return static_cast<unsigned char>(text[i]); }

bool is_word_byte(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// Letters of U+00C0 to U+00FF: two bytes, the first of which is 0xC3. 0xD7 and 0xF7 are the signs for times and divided by.
bool ends_with_latin_letter(std::string_view text, size_t end) {
    if (end < 2 || byte_at(text, end - 2) != 0xC3) {
        return false;
    }
    const unsigned char c = byte_at(text, end - 1);
    return c >= 0x80 && c <= 0xBF && c != 0x97 && c != 0xB7;
}

/// Something that is no white space: printable ASCII, or a letter of U+00C0 to U+00FF. Others are left alone.
bool begins_visibly(std::string_view text, size_t at) {
    return at < text.size() && ((byte_at(text, at) > 0x20 && byte_at(text, at) < 0x7F) || byte_at(text, at) == 0xC3);
}

} // namespace

cut_rule::cut_rule(bool lines) : lines_(lines) {
    for (int c = 0x21; c < 0x7F; ++c) {
        before_space_[static_cast<size_t>(c)] = true;
    }
    for (int c = 0x80; c < 0xC0; ++c) {
        before_space_[static_cast<size_t>(c)] = true; // with 0xC3 before, see may_end()
    }
}

bool cut_rule::may_end(std::string_view text, size_t end) const {
    const unsigned char c = byte_at(text, end - 1);
    return before_space_[c] && (c < 0x80 || ends_with_latin_letter(text, end));
}

void cut_rule::forbid(std::string_view token_text, bool is_special) {
    for (size_t i = 1; i < token_text.size(); ++i) {
        if (token_text[i] == ' ') {
            before_space_[byte_at(token_text, i - 1)] = false;
        }
        lines_ = lines_ && token_text[i] != '\n';
    }
    if (is_special && !token_text.empty()) {
        before_space_[byte_at(token_text, token_text.size() - 1)] = false;
    }
}

size_t cut_rule::next(std::string_view text, size_t from) const {
    for (size_t i = from + 1; i < text.size(); ++i) {
        if (text[i] == ' ') {
            if (begins_visibly(text, i + 1) && may_end(text, i)) {
                return i;
            }
        } else if (lines_ && text[i] == '\n' && (is_word_byte(byte_at(text, i - 1)) || ends_with_latin_letter(text, i)) && may_end(text, i)) {
            // Only after a word: punctuation and the line ends after it can be one token.
            return i;
        }
    }
    return text.size();
}

const std::vector<int32_t> * word_cache::find(std::string_view word, bool begins) const {
    const table & t     = tables_[begins ? 1 : 0];
    const auto    found = t.find(word);
    return found == t.end() ? nullptr : &found->second;
}

void word_cache::put(std::string_view word, bool begins, const int32_t * tokens, size_t n_tokens) {
    table & t = tables_[begins ? 1 : 0];
    if (t.size() >= max_words) {
        t.clear();
    }
    t.emplace(std::string(word), std::vector<int32_t>(tokens, tokens + n_tokens));
}

} // namespace forja
