// How a run of a job comes to its data, before its containers start.
#pragma once

#include <memory>
#include <string>

#include "core/descriptor.h"
#include "core/error.h"
#include "platform/errand.h"
#include "platform/job_run.h"

namespace berth::platform {

/// What an errand has to say, in our log.
void SayLines(const std::string& text);

/// Whether FastFile channels are mounted. Where they cannot be the log says why.
[[nodiscard]] Result<bool> MountsFastFiles(const JobRuns& runs);

/// Brings what is not on this machine. False where the run ends here: `end` says how.
[[nodiscard]] Result<bool> Fetch(const JobRuns& runs, bool first_run, bool mounts_fast_files,
                                 RunEnd& end);

/// What serves mounted channels, and the keepers' end of its socket.
struct FastFiles {
  std::unique_ptr<Errand> errand{};
  Descriptor devices{};
};

/// Where channels are mounted: lists them. Without an errand the run ends here: `end` says how.
[[nodiscard]] Result<FastFiles> StartFastFiles(const JobRuns& runs, RunEnd& end);

}  // namespace berth::platform
