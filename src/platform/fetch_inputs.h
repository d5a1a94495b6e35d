// Before a job starts: its channels' data and its checkpoints come to this machine.
#pragma once

#include <map>
#include <string>

#include "core/error.h"
#include "platform/errand.h"
#include "platform/job_directory.h"
#include "platform/request.h"

namespace berth::platform {

struct FetchOptions {
  std::map<std::string, std::string> variables{};
  std::string working_directory{};
  /// False after an interruption: then the place of the output may hold what the first run left.
  bool first_run = true;
  /// Channels that IsFastFile() says it of are somebody else's business.
  bool mounts_fast_files = false;
};

/// True where there is anything to do for FetchInputs().
bool NeedsFetching(const TrainingJob& job);

/// The work of an errand. Downloads the channels that are neither folders of this machine nor
/// streams, restores checkpoints, and asks for what only shows later: whether streams have data,
/// and the bucket of the output is there, with nothing of another job of this name. Returns lines
/// for the log. The error is the platform's: "ClientError: Data download failed: …", of the output
/// "ResourceInUse: …" or "ClientError: OutputDataConfig.S3OutputPath: …".
///
/// Each host's share of a channel that is sharded comes to a folder of its own. Files of this
/// machine are then linked (hard) where their file system allows that, else copied.
[[nodiscard]] Result<std::string> FetchInputs(const TrainingJob& job, const JobDirectory& directory,
                                              const FetchOptions& options,
                                              const Superior& superior);

}  // namespace berth::platform
