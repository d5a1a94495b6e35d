// Namespaces for a container, asked for step by step: what a machine does not allow is left out.
#pragma once

#include <vector>

#include "core/error.h"

namespace berth::platform {

/// How much is asked of the machine in one try.
struct Try {
  bool user_namespace = false;
  bool mount_namespace = false;
  bool pid_namespace = false;
};

/// From the most that a machine may allow to the least.
std::vector<Try> Tries();

/// Gives the calling process, which must have one thread only, a mount and a uts namespace, and
/// what else the attempt and `more` (CLONE_NEW…) ask for. Its children will be in the pid
/// namespace. In a user namespace everybody stays who they are: artifacts belong to the calling
/// user.
[[nodiscard]] Result<void> EnterNamespaces(const Try& attempt, int more = 0);

}  // namespace berth::platform
