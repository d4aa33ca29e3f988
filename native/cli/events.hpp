// Writes the protocol's events: one JSON object a line on stdout, and nothing else ever goes there.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/progress.hpp"

namespace forja {

class event_writer {
  public:
    /// Takes stdout for itself: whatever else prints to it from now on goes to stderr.
    event_writer();

    /// Thread-safe; each line is flushed. A reader that went away does not end the job.
    void emit(const char * type, const nlohmann::json & data);

    void status(const std::string & phase) { emit("status", {{"phase", phase}}); }
    void warn(const warning & w);
    void fail(const error & e);

    /// From now on a mapped file that becomes shorter, or whose disk fails, while it is read ends the process with the error
    /// file_changed and exit code 1, where a signal alone would say nothing. For the process's only writer.
    void tell_of_lost_pages();

    /// A progress callback that writes at most ten events a second, and the last one.
    progress_fn progress(const std::string & phase, const char * unit);

  private:
    struct state;
    std::shared_ptr<state> s_;
};

} // namespace forja
