#include "peft/tunable.hpp"

#include <algorithm>

namespace forja {

namespace {

// Glob with * alone.
bool matches(const char * pattern, const char * text) {
    if (*pattern == '*') {
        return matches(pattern + 1, text) || (*text && matches(pattern, text + 1));
    }
    return *pattern == *text && (!*pattern || matches(pattern + 1, text + 1));
}

} // namespace

// The names that a job may give. All of them together mean every linear layer, those without such a name as well: a delta net's gates, a
// short convolution's projection.
static bool names_all(const std::vector<std::string> & targets) {
    static const std::vector<std::string> common{"q", "k", "v", "o", "gate", "up", "down"};
    return std::all_of(common.begin(), common.end(), [&](const std::string & name) { return std::find(targets.begin(), targets.end(), name) != targets.end(); });
}

bool is_target(const std::string & roles, const std::vector<std::string> & targets) {
    if (names_all(targets)) {
        return true;
    }
    for (size_t from = 0; from <= roles.size();) {
        const size_t      comma = std::min(roles.find(',', from), roles.size());
        const std::string role  = roles.substr(from, comma - from);
        for (const std::string & t : targets) {
            if (t == "all-linear" || matches(t.c_str(), role.c_str())) {
                return true;
            }
        }
        from = comma + 1;
    }
    return false;
}

} // namespace forja
