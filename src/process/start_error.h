// Why a program could not be started, for the person who named it.
#pragma once

#include <string>

#include "process/spawn.h"
#include "process/supervisor.h"

namespace berth::process {

struct StartError {
  /// As shells have it: 127 where the program is not there, 126 where it is but cannot run.
  int exit_code = 127;
  /// One sentence: the program, the cause, what to do.
  std::string message;
};

/// Looks at the file system once more to tell what the errno does not: which of file, interpreter
/// or loader is missing, or for which machine the program was built.
StartError ExplainStartFailure(const Command& command, const std::vector<std::string>& paths,
                               const SpawnFailure& failure);

/// A file that execve() refused with ENOEXEC is a script without "#!" unless it holds binary data
/// at its start: that is what shells go by before they read it as a script.
bool IsShellScript(const Command& command, const std::string& path);

}  // namespace berth::process
