// The training job as the container sees it, from start to report.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "contract/training_environment.h"
#include "core/error.h"
#include "process/supervisor.h"

namespace berth::training {

/// The platform's files under `variables`' SAGEMAKER_BASE_DIR (else /opt/ml) and this machine,
/// as one value. Reads, never writes.
[[nodiscard]] Result<contract::TrainingEnvironment> ReadEnvironment(
    const process::Variables& variables);

/// The whole environment of the script: `variables` with SM_*, PYTHONPATH (code directory first)
/// and PYTHONUNBUFFERED=1 (unless the user set it) on top.
process::Variables ScriptVariables(const process::Variables& variables,
                                   const contract::TrainingEnvironment& environment);

/// How the script would be run, without installing or running anything. Empty argv where there
/// is no entry point.
struct Plan {
  process::Variables variables;         // what the contract adds, without the process's own
  std::vector<std::string> arguments;   // SM_USER_ARGS
  std::vector<std::string> command;     // argv
};
[[nodiscard]] Result<Plan> MakePlan(const process::Variables& variables);

/// Runs the job of this container to its end and reports it under output/. Returns the exit code
/// for the process: 0 only where the job succeeded. Never throws, always reports.
int RunJob(const process::Variables& variables);

}  // namespace berth::training
