// What was found out about a base once and stays true, kept in a folder: later runs read it in place of computing it again.
#pragma once

#include <optional>
#include <string>

namespace forja {

/// Numbers by name, a file each. The folder stands for the base and the trainer that computed them: whoever names it chooses another
/// when either changes. A folder that can't be read or written keeps nothing; that is no error.
class known_results {
  public:
    /// @param dir nullopt keeps nothing
    explicit known_results(std::optional<std::string> dir) : dir_(std::move(dir)) {}

    /// The number kept under `name`, to the bit; nullopt when there is none, or no number that is finite.
    std::optional<double> find(const std::string & name) const;

    /// Keeps a finite number under `name`, a file name. Once more for the same name replaces it.
    void keep(const std::string & name, double value) const;

  private:
    std::optional<std::string> dir_;
};

} // namespace forja
