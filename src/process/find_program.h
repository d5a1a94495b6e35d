// Which file a program's name means.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "process/supervisor.h"

namespace berth::process {

/// The PATH that is searched where `variables` has none.
inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The files to try for `name`, in order: itself where it holds a '/', else one per folder of the
/// PATH (an empty one is the working directory, as POSIX has it).
std::vector<std::string> ProgramPaths(std::string_view name, const Variables& variables);

/// The PATH as looked through, for messages.
std::string SearchPath(const Variables& variables);

}  // namespace berth::process
