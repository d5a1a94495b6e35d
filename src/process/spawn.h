// Starts a program: the steps between clone and exec.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "process/signals.h"
#include "process/supervisor.h"

namespace berth::process {

/// What the child's standard descriptors shall be; all are above 2, or -1 to leave ours.
struct ChildStreams {
  int input = -1;
  int output = -1;
  int error = -1;
};

/// Why the program did not start: the step that failed, and its errno.
struct SpawnFailure {
  enum class Step { kDirectory, kSetUp, kExec } step = Step::kExec;
  int error = 0;
  /// kExec: which of `paths` gave it.
  size_t path = 0;
};

struct Spawned {
  /// The child, leader of a process group of its own; -1 where `failure` tells why not.
  pid_t pid = -1;
  SpawnFailure failure;
};

/// Runs the first of `paths` that exists, as execvp() goes through the PATH, with `argv` in
/// `command`'s directory and with its variables. Returns once the program runs or cannot be run.
/// It is killed (SIGKILL) if the thread that called this ends first. An Error means that no
/// process could be made at all.
[[nodiscard]] Result<Spawned> Spawn(const std::vector<std::string>& paths,
                                    const std::vector<std::string>& argv, const Command& command,
                                    const ChildStreams& streams, const SignalGuard& signals);

}  // namespace berth::process
