// A run's events as its folder keeps them: what is left of them when whoever reads the trainer's stdout is gone.
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"

namespace forja {

class event_file {
  public:
    /// Opens out_dir/events.jsonl to append to it, and holds the run's folder by it: two trainers never work in one.
    /// Makes the folder when it is missing. Where the file can't be opened, lines are lost and append() says so.
    /// @throws failure output_busy: another trainer is at work there
    explicit event_file(const std::string & out_dir);
    ~event_file();
    event_file(const event_file &)             = delete;
    event_file & operator=(const event_file &) = delete;

    /// Appends a line, given with its end, in one write. A piece of a line that a kill or a full disk left stays a line of its own.
    /// @returns false when the line is not there whole; the next one is tried again
    bool append(const std::string & line);

    /// Waits until all of it is on the disk.
    void sync();

    /// For a signal's handler, which can take no memory; -1 where there is no file.
    int descriptor() const { return fd_; }
    const std::string & path() const { return path_; }

  private:
    std::string path_;
    int         fd_      = -1;
    bool        is_torn_ = false; // the file does not end with a line's end
};

} // namespace forja
