// The stacks of processes, from themselves.
#pragma once

#include <sys/types.h>

#include <vector>

namespace berth::ranks {

/// Sends SIGABRT to all processes of these groups, and wakes those that are stopped: Python's
/// faulthandler writes the stacks of all threads to stderr, and the process ends. Before that each
/// is told to leave no core. Those that a group's leader has started come first, one by one, while
/// it is stopped; that takes up to half a second.
void AbortWithStacks(const std::vector<pid_t>& groups);

}  // namespace berth::ranks
