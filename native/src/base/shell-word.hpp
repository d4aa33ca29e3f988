// Words of commands that a person pastes into a shell.
#pragma once

#include <string>

namespace forja {

/// A text as one word: by PowerShell's rules on Windows, by POSIX's elsewhere. The same as shellWord in main/contracts/commands.ts.
inline std::string shell_word(const std::string & text) {
    const bool plain = !text.empty() && text.front() != '-' && text.front() != '@' && text.front() != '%' && text.front() != '=' &&
                       text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=:./-"
#ifdef _WIN32
                                              "\\"
#endif
                                              ) == std::string::npos;
    if (plain) {
        return text;
    }
    std::string out = "'";
    for (const char c : text) {
#ifdef _WIN32
        out += c == '\'' ? std::string("''") : std::string(1, c);
#else
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
#endif
    }
    return out + "'";
}

} // namespace forja
