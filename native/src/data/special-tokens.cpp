#include "data/special-tokens.hpp"

#include <algorithm>

#include "llama.h"

namespace forja {

namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

} // namespace

special_tokens::special_tokens(const llama_vocab * vocab) : mark_at_(1, -1) {
    std::vector<std::pair<int32_t, std::string_view>> texts;
    size_t                                            n_bytes = 0;
    for (int32_t i = 0; i < llama_vocab_n_tokens(vocab); ++i) {
        if ((llama_vocab_get_attr(vocab, i) & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0) {
            texts.emplace_back(i, llama_vocab_get_text(vocab, i));
            n_bytes += texts.back().second.size();
        }
    }
    size_t n_edges = 16;
    while (n_edges < 2 * n_bytes) {
        n_edges *= 2;
    }
    edges_.assign(n_edges, {0, 0});
    for (const auto & [token, text] : texts) {
        uint32_t node = 0;
        for (const char c : text) {
            edge & next = edges_[place_of(edge_of(node, c))];
            if (next.to == 0) {
                next = {edge_of(node, c), static_cast<uint32_t>(mark_at_.size())};
                mark_at_.push_back(-1);
            }
            node = next.to;
        }
        if (node != 0 && mark_at_[node] < 0) {
            const int  attr  = llama_vocab_get_attr(vocab, token);
            const auto first = static_cast<uint8_t>(text[0]);
            begin_           = marks_.empty() || begin_ == first ? first : -1;
            begins_[first]   = true;
            mark_at_[node]                         = static_cast<int32_t>(marks_.size());
            marks_.push_back({token, text.size(), (attr & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0, (attr & LLAMA_TOKEN_ATTR_LSTRIP) != 0,
                              (attr & LLAMA_TOKEN_ATTR_RSTRIP) != 0});
        }
    }
}

size_t special_tokens::place_of(uint32_t from) const {
    size_t i = from * 0x9E3779B1u & (edges_.size() - 1);
    while (edges_[i].to != 0 && edges_[i].from != from) {
        i = (i + 1) & (edges_.size() - 1);
    }
    return i;
}

void special_tokens::look(std::string_view text, std::vector<mark_room::found> & found) const {
    found.clear();
    for (size_t i = 0; i < text.size(); ++i) {
        if (begin_ >= 0) {
            i = text.find(static_cast<char>(begin_), i);
            if (i == std::string_view::npos) {
                break;
            }
        } else if (!begins_[static_cast<uint8_t>(text[i])]) {
            continue;
        }
        uint32_t node = 0;
        for (size_t at = i; at < text.size(); ++at) {
            node = edges_[place_of(edge_of(node, text[at]))].to;
            if (node == 0) {
                break;
            }
            if (mark_at_[node] >= 0) {
                found.push_back({i, static_cast<size_t>(mark_at_[node])});
            }
        }
    }
}

const std::vector<text_part> & special_tokens::split(std::string_view text, const std::vector<text_range> & literal, std::span<const size_t> borders,
                                                     bool & is_certain, mark_room & room) const {
    using found_mark = mark_room::found;
    using taken      = mark_room::taken;
    auto & found     = room.all_found;
    look(text, found);
    std::erase_if(found, [&](const found_mark & f) {
        const size_t end   = f.begin + marks_[f.mark].size;
        const auto   after = std::upper_bound(literal.begin(), literal.end(), f.begin, [](size_t at, const text_range & r) { return at < r.end; });
        const auto   border = std::upper_bound(borders.begin(), borders.end(), f.begin);
        return (marks_[f.mark].is_control && after != literal.end() && after->begin < end) || (border != borders.end() && *border < end);
    });
    // No two are of one size at one place.
    std::sort(found.begin(), found.end(), [&](const found_mark & a, const found_mark & b) {
        return marks_[a.mark].size != marks_[b.mark].size ? marks_[a.mark].size > marks_[b.mark].size : a.begin < b.begin;
    });

    // What is taken, with the white space that goes with it, by its beginning.
    auto & all = room.all_taken;
    all.clear();
    for (const found_mark & f : found) {
        const mark & m     = marks_[f.mark];
        taken        one   = {f.begin, f.begin + m.size, f.mark};
        const auto   after = std::lower_bound(all.begin(), all.end(), one.end, [](const taken & t, size_t end) { return t.begin < end; });
        const size_t left  = after == all.begin() ? 0 : std::prev(after)->end, right = after == all.end() ? text.size() : after->begin;
        if (left > one.begin) {
            const mark & other = marks_[std::prev(after)->mark];
            is_certain         = is_certain && (other.size != m.size || other.token == m.token);
            continue;
        }
        while (m.strips_left && one.begin > left && is_space(text[one.begin - 1]) && !std::binary_search(borders.begin(), borders.end(), one.begin)) {
            --one.begin;
        }
        while (m.strips_right && one.end < right && is_space(text[one.end])) {
            ++one.end;
        }
        all.insert(after, one);
    }

    auto & parts = room.parts;
    parts.clear();
    size_t at = 0;
    for (const taken & t : all) {
        if (t.begin > at) {
            parts.push_back({at, t.begin, -1});
        }
        parts.push_back({t.begin, t.end, marks_[t.mark].token});
        at = t.end;
    }
    if (at < text.size()) {
        parts.push_back({at, text.size(), -1});
    }
    return parts;
}

} // namespace forja
