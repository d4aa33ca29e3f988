#include "data/row-line.hpp"

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/eight-bytes.hpp"
#include "base/error.hpp"
#include "data/unicode-classes.hpp"

namespace forja {

namespace {

using json = nlohmann::json;

error invalid(uint64_t line, const std::string & why) {
    return error("rows_invalid", "Line " + std::to_string(line) + " of the rows is not valid: " + why + ".",
                 R"(Each line must be {"row": number, "segments": [["text", 0 or 1, 1 where literal], ...], "windows": 0 or 1} in UTF-8.)",
                 {{"line", std::to_string(line)}, {"reason", why}});
}

/// Reads just what the core writes, several times as fast as a parser that builds a tree. Whatever else a line may be is left to
/// the parser, which also knows what is wrong with it.
class scanner {
  public:
    explicit scanner(std::string_view line) : p_(line.data()), end_(line.data() + line.size()) {}

    std::optional<row_line> row() {
        row_line row{};
        if (!is(R"({"row":)") || !number(row.source_row) || !is(R"(,"segments":[)") || !list(row.segments)) {
            return std::nullopt;
        }
        if (is(R"(,"rejected":[)") && !list(row.rejected)) {
            return std::nullopt;
        }
        if (is(R"(,"desirable":)") && !flag(row.desirable)) {
            return std::nullopt;
        }
        if (is(R"(,"windows":)") && !flag(row.windows)) {
            return std::nullopt;
        }
        return is("}") && p_ == end_ ? std::optional(std::move(row)) : std::nullopt;
    }

  private:
    bool is(std::string_view expected) {
        if (std::string_view(p_, static_cast<size_t>(end_ - p_)).substr(0, expected.size()) != expected) {
            return false;
        }
        p_ += expected.size();
        return true;
    }

    /// Segments up to and with the closing bracket.
    bool list(std::vector<segment> & to) {
        while (!is("]")) {
            if (!to.empty() && !is(",")) {
                return false;
            }
            segment & s = to.emplace_back();
            if (!is("[\"") || !text(s.text) || !is(",") || !flag(s.supervised) || (is(",") && !flag(s.literal)) || !is("]")) {
                return false;
            }
        }
        return true;
    }

    bool flag(bool & to) {
        if (p_ == end_ || (*p_ != '0' && *p_ != '1')) {
            return false;
        }
        to = *p_++ == '1';
        return true;
    }

    bool number(uint64_t & to) {
        const char * from = p_;
        for (; p_ < end_ && *p_ >= '0' && *p_ <= '9' && p_ - from < 18; ++p_) {
            to = to * 10 + static_cast<uint64_t>(*p_ - '0');
        }
        return p_ > from && (*from != '0' || p_ - from == 1);
    }

    /// Up to and with the closing quotation mark.
    bool text(std::string & to) {
        for (;;) {
            const char * from = p_;
            while (end_ - p_ >= 8) {
                const uint64_t x = eight_bytes::read(p_);
                const size_t   n = eight_bytes::before_first(eight_bytes::equal(x, '"') | eight_bytes::equal(x, '\\') |
                                                             (~eight_bytes::at_least(x, 0x20) & eight_bytes::highest));
                p_ += n;
                if (n < 8) {
                    break;
                }
            }
            while (p_ < end_ && *p_ != '"' && *p_ != '\\' && static_cast<uint8_t>(*p_) >= 0x20) {
                ++p_;
            }
            to.append(from, p_);
            if (p_ == end_ || static_cast<uint8_t>(*p_) < 0x20) {
                return false;
            }
            if (*p_++ == '"') {
                return true;
            }
            if (p_ == end_) {
                return false;
            }
            switch (*p_++) {
                case '"': to += '"'; break;
                case '\\': to += '\\'; break;
                case '/': to += '/'; break;
                case 'n': to += '\n'; break;
                case 'r': to += '\r'; break;
                case 't': to += '\t'; break;
                default: return false; // the rare ones
            }
        }
    }

    const char * p_;
    const char * end_;
};

} // namespace

row_line parse_row_line(std::string_view line, uint64_t number) {
    if (is_utf8(line)) {
        if (std::optional<row_line> row = scanner(line).row()) {
            return std::move(*row);
        }
    }
    row_line row{};
    row.source_row = number;
    try {
        json       object = json::parse(line);
        const auto flag   = [](const json & mark) { return mark.is_boolean() ? mark.get<bool>() : mark.get<int>() != 0; };
        row.source_row    = object.value("row", number);
        row.windows       = object.contains("windows") && flag(object.at("windows"));
        row.desirable      = object.contains("desirable") && flag(object.at("desirable"));
        const auto list    = [&](json & items, std::vector<segment> & to) {
            for (json & item : items) {
                to.push_back({std::move(item.at(0).get_ref<std::string &>()), flag(item.at(1)), item.size() > 2 && flag(item.at(2))});
            }
        };
        list(object.at("segments"), row.segments);
        if (object.contains("rejected")) {
            list(object.at("rejected"), row.rejected);
        }
    } catch (const json::exception & e) {
        throw invalid(number, e.what());
    }
    return row;
}

} // namespace forja
