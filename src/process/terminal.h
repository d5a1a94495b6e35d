// Job control: the command's process group is not the terminal's, until it needs to be.
#pragma once

#include <sys/types.h>

#include "core/descriptor.h"

namespace berth::process {

/// At first the terminal stays with our own group, so that Ctrl-C and Ctrl-Z reach us and we pass
/// them on. A command that reads the terminal is stopped by the kernel (SIGTTIN): then, if the
/// terminal is ours to give, its group gets it and goes on. From there on the keys reach the
/// command directly, as in a shell. It comes back when this goes.
class Terminal {
 public:
  Terminal() = default;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { TakeBack(); }

  /// The command, leader of `group`, was stopped by `signal`. All signals it may need to go on are
  /// sent here.
  void CommandStopped(pid_t group, int signal);

  /// We were asked to stop (Ctrl-Z): the group and then we do, and both go on together.
  void Suspend(pid_t group);

 private:
  void Give(pid_t group);
  void TakeBack();

  Descriptor terminal_;
  pid_t given_to_ = 0;
};

}  // namespace berth::process
