// Whoever started the trainer, as known by stdin: lines are its commands, and the end means that it is gone.
#pragma once

#include <functional>
#include <string>

#include "events.hpp"

namespace forja {

/// Reads stdin on a thread of its own: calls on_line for each line, without its end, and on_end at the end of input.
void listen_to_starter(std::function<void(const std::string &)> on_line, std::function<void()> on_end);

/// Ends the job when its starter is gone: at its next sign of progress, and what it was writing is removed; or at once when none comes
/// within ten seconds. Only where stdin is a pipe: a terminal or /dev/null says nothing of a starter.
void end_with_starter(event_writer & out);

} // namespace forja
