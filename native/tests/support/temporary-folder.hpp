// A folder of a test's own, removed at its end.
#pragma once

#include <filesystem>
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

} // namespace forja::test
