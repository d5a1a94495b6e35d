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

/// Lays down the tree of the host at that place in the job's hosts, and says how its container is
/// started. With `mounts_fast_files`, what FastFileChannels() names is mounted, by its
/// FastFileNumber(). `network`: of a job of several hosts, else null.
[[nodiscard]] Result<ContainerSpec> PrepareContainer(const TrainingJob& job, size_t host,
                                                     const JobDirectory& directory,
                                                     const LocalOptions& options,
                                                     bool mounts_fast_files,
                                                     const ClusterNetwork* network);

}  // namespace berth::platform
