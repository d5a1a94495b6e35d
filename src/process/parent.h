// The end of this process with the one that started it.
#pragma once

#include <sys/types.h>

namespace berth::process {

/// From now on this process gets SIGTERM when `parent` ends, which started it; more exactly, when
/// the thread of it does that did. At once where that has happened already.
void EndWithParent(pid_t parent);

}  // namespace berth::process
