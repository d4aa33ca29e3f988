// Writes the protocol's events: one JSON object a line on stdout, and nothing else ever goes there.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/progress.hpp"

namespace forja {

/// Ends a job that nobody waits for any more; what was being written is removed on the way.
struct abandoned {};

class event_writer {
  public:
    /// Takes stdout for itself: whatever else prints to it from now on goes to stderr.
    event_writer();

    /// From now on each event is in out_dir/events.jsonl before anybody is told of it: what a reader that is gone did not read is not lost.
    /// Where that can't be written, the job goes on with a warning. @throws failure output_busy: another trainer works in the folder
    void keep_in(const std::string & out_dir);

    /// Thread-safe; each line is flushed. A reader that went away does not end the job.
    void emit(const char * type, const nlohmann::json & data);

    void status(const std::string & phase) { emit("status", {{"phase", phase}}); }
    void warn(const warning & w);
    void fail(const error & e);

    /// From now on a mapped file that becomes shorter, or whose disk fails, while it is read ends the process with the error
    /// file_changed and exit code 1, where a signal alone would say nothing. For the process's only writer.
    void tell_of_lost_pages();

    /// Whoever started the job is gone: the next sign of progress ends it, by an exception of type abandoned.
    void abandon();

    /// A progress callback that writes at most ten events a second, and the last one. It throws abandoned after abandon().
    progress_fn progress(const std::string & phase, const char * unit);

  private:
    struct state;
    std::shared_ptr<state> s_;
};

} // namespace forja
