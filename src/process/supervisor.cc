#include "process/supervisor.h"

#include <unistd.h>

#include "process/supervision.h"

namespace berth::process {

Result<Outcome> Supervise(const Command& command, const SuperviseOptions& options) {
  if (command.argv.empty()) return Fail("cannot run an empty command");
  return Supervision(command, options).Run();
}

Result<Outcome> Capture(const Command& command, std::chrono::milliseconds deadline, size_t limit) {
  SuperviseOptions options;
  options.grace = std::chrono::milliseconds(0);
  options.orphan_grace = std::chrono::milliseconds(0);
  options.deadline = deadline;
  options.tail_bytes = limit;
  options.output_fd = -1;
  options.error_fd = -1;
  options.inherit_input = false;
  auto outcome = Supervise(command, options);
  // It was meant for us, not for a helper: it stays pending where signals are held, and acts on us
  // where they are not.
  if (outcome && outcome->stopped_by == StoppedBy::kSignal) {
    ::kill(::getpid(), outcome->stop_signal);
  }
  return outcome;
}

}  // namespace berth::process
