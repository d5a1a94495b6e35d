// Checkpoints of a job that belong in S3.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/error.h"
#include "platform/errand.h"
#include "platform/request.h"

namespace berth::platform {

/// The work of an errand: brings what changes in `folder` to the job's CheckpointConfig.S3Uri,
/// deletions too, until it is asked to finish; then completes it. Tells once, when it watches. What
/// is in the folder at the start came from there. `seen_as`: the paths by which the job knows the
/// folder; links are followed within it.
[[nodiscard]] Result<std::string> SyncCheckpoints(
    const TrainingJob& job, const std::filesystem::path& folder, std::vector<std::string> seen_as,
    const std::map<std::string, std::string>& variables, const Superior& superior);

}  // namespace berth::platform
