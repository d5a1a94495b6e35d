// The command `berth rank`: the process that a launcher starts for each rank.
#pragma once

#include "process/supervisor.h"

namespace berth::ranks {

/// Gets from this host's berth what to run and where its output goes, runs it in a process group of
/// its own, passes signals on, and tells the host how it ended. Returns the rank's exit code, or
/// ends by the rank's signal. 126 and 127 as shells have them; 2 where no launcher started us, 125
/// where the host's berth cannot be reached (both said on stderr).
///
/// When the host's berth goes away, or the launcher that started us, the rank gets SIGTERM, and
/// SIGKILL 2 s later. What a rank leaves behind that ends by itself lives on until the host's berth
/// ends all, and nothing here waits for it; where it was asked to end, they get SIGTERM, and 2 s.
///
/// PYTHONFAULTHANDLER is 1 in the rank unless it is set: see RankHost::DumpStacks().
int RunRank(const process::Variables& variables);

}  // namespace berth::ranks
