// A folder of a test's own, removed at its end, and what is in its files.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace forja::test {

class temporary_folder {
  public:
    temporary_folder() {
        std::random_device seed;
        do {
            path_ = std::filesystem::temp_directory_path() / ("forja-test-" + std::to_string(seed()));
        } while (!std::filesystem::create_directory(path_));
    }
    ~temporary_folder() {
        std::error_code ec;
        std::filesystem::remove_all(path_, ec);
    }
    temporary_folder(const temporary_folder &)             = delete;
    temporary_folder & operator=(const temporary_folder &) = delete;

    /// The folder's path, or that of a file in it.
    std::string path(const std::string & name = "") const { return name.empty() ? path_.string() : (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

/// A file's bytes; none where there is no file.
inline std::string read_all(const std::string & path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

/// Writes a file as it is given, whatever was there.
inline void write_all(const std::string & path, const std::string & bytes) {
    std::ofstream out(path, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

} // namespace forja::test
