// From the request to a container that can be started: files, mounts, variables, command.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "platform/container.h"
#include "platform/job_directory.h"
#include "platform/request.h"
#include "platform/training_job.h"

namespace berth::platform {

/// Channels and code that are not there, or not where a job could see them; one line each.
std::vector<std::string> FileProblems(const TrainingJob& job);

/// Lays down the tree in the job's directory and says how the container is started.
[[nodiscard]] Result<ContainerSpec> PrepareContainer(const TrainingJob& job,
                                                     const JobDirectory& directory,
                                                     const LocalOptions& options);

}  // namespace berth::platform
