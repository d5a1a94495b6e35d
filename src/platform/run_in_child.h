// Work that changes the process that does it, as entering namespaces does.
#pragma once

#include <functional>

#include "core/error.h"

namespace berth::platform {

/// Does `work` in a fork of this process, which must have one thread only, and waits for its end.
/// Returns the work's error.
[[nodiscard]] Result<void> RunInChild(const std::function<Result<void>()>& work);

}  // namespace berth::platform
