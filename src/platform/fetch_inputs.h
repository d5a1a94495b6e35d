// Before a job starts: its channels' data and its checkpoints come to this machine.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/error.h"
#include "platform/errand.h"
#include "platform/request.h"

namespace berth::platform {

struct FetchOptions {
  std::map<std::string, std::string> variables{};
  std::string working_directory{};
  /// A channel's data goes to the folder of its name in here.
  std::filesystem::path channels{};
  /// Where checkpoints of s3:// go.
  std::filesystem::path checkpoints{};
};

/// True where there is anything to do for FetchInputs().
bool NeedsFetching(const TrainingJob& job);

/// The work of an errand. Downloads the channels that are neither folders of this machine nor
/// streams, restores checkpoints, and asks for what only shows later: whether streams have data,
/// and the bucket of the output is there. Returns lines for the log. The error is the platform's:
/// "ClientError: Data download failed: …".
[[nodiscard]] Result<std::string> FetchInputs(const TrainingJob& job, const FetchOptions& options,
                                              const Superior& superior);

}  // namespace berth::platform
