// A shared library that makes gethostname() answer SM_CURRENT_HOST, for MPI: it knows a host by
// that name, and the platform gives the machine another one.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace berth::launch {

/// The library's bytes, carried in the binary: gethostname.c, which needs nothing but getenv() of
/// whatever C library the program has.
std::string_view HostNameShim();

/// Puts it into `directory`; returns its path.
[[nodiscard]] Result<std::string> WriteHostNameShim(const std::string& directory);

}  // namespace berth::launch
