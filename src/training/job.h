// The training job as the container sees it, from start to report.
#pragma once

#include <string>
#include <vector>

#include "contract/training_environment.h"
#include "core/error.h"
#include "core/json.h"
#include "process/supervisor.h"

namespace berth::training {

/// The folders of this container: SAGEMAKER_BASE_DIR (made absolute: the script runs in another
/// directory), else /opt/ml.
contract::Layout LayoutOf(const process::Variables& variables);

/// The platform's files in LayoutOf(variables), and this machine, as one value. Reads, never
/// writes.
[[nodiscard]] Result<contract::TrainingEnvironment> ReadEnvironment(
    const process::Variables& variables);

/// The same job as if its hyperparameters asked for one launcher and no other: `launcher` is its
/// switch ("sagemaker_mpi_enabled"; empty: none), `settings` are put over the hyperparameters of
/// their names.
[[nodiscard]] Result<contract::TrainingEnvironment> ReadEnvironmentFor(
    const process::Variables& variables, const std::string& launcher, const json::Object& settings);

/// What the contract adds to the variables of the process: SM_* and the like, and PYTHONPATH with
/// the code directory first.
process::Variables ContractVariables(const process::Variables& variables,
                                     const contract::TrainingEnvironment& environment);

/// The whole environment of the script: `variables` with ContractVariables() on top, and
/// PYTHONUNBUFFERED=1 unless it is set.
process::Variables ScriptVariables(const process::Variables& variables,
                                   const contract::TrainingEnvironment& environment);

/// How the script would be run, without installing or running anything.
struct Plan {
  /// ContractVariables()
  process::Variables variables;
  /// SM_USER_ARGS
  std::vector<std::string> arguments;
  /// argv; empty where the job names neither an entry point nor a framework module.
  std::vector<std::string> command;
};
[[nodiscard]] Result<Plan> MakePlan(const process::Variables& variables);

/// Runs the job of this container to its end and reports it under output/. Returns the exit code
/// for the process: 0 only where the job succeeded.
int RunJob(const process::Variables& variables);

}  // namespace berth::training
