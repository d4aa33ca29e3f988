#include "train/known-results.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "base/files.hpp"

namespace forja {
namespace fs = std::filesystem;

std::optional<double> known_results::find(const std::string & name) const {
    if (!dir_) {
        return std::nullopt;
    }
    std::ifstream file(utf8_path(*dir_) / utf8_path(name));
    std::string   text;
    if (!std::getline(file, text)) {
        return std::nullopt;
    }
    char *       end   = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end != text.c_str() + text.size() || text.empty() || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

void known_results::keep(const std::string & name, double value) const {
    if (!dir_ || !std::isfinite(value)) {
        return;
    }
    std::error_code ec;
    fs::create_directories(utf8_path(*dir_), ec);
    char      text[64];
    const int n = std::snprintf(text, sizeof(text), "%a\n", value);
    try {
        atomic_file file(path_utf8(utf8_path(*dir_) / utf8_path(name)));
        file.write(text, (size_t) n);
        file.commit();
    } catch (const error &) { // a full disk, or another run that writes the same: it is found out again
    }
}

} // namespace forja
