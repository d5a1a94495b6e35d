// The launchers, each made by its own file. For ChooseLauncher() alone.
//
// `hosts` are those that take part, the master first; the current host is among them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "launch/launcher.h"

namespace berth::launch {

using MadeLauncher = Result<std::unique_ptr<Launcher>>;

/// The script itself, alone on this host.
MadeLauncher MakeSingle(Surroundings surroundings);

/// mpirun, for MPI jobs and (`data_parallel`) for SageMaker's data parallel library, SMDDP.
MadeLauncher MakeMpi(Surroundings surroundings, std::vector<std::string> hosts);
MadeLauncher MakeSmddp(Surroundings surroundings, std::vector<std::string> hosts);

MadeLauncher MakeTorchrun(Surroundings surroundings, std::vector<std::string> hosts);
MadeLauncher MakeXla(Surroundings surroundings, std::vector<std::string> hosts);

/// TF_CONFIG with a master, workers and a parameter server on each host; more than one host.
MadeLauncher MakeParameterServer(Surroundings surroundings, std::vector<std::string> hosts);
/// TF_CONFIG for MultiWorkerMirroredStrategy.
MadeLauncher MakeMultiWorkerMirrored(Surroundings surroundings, std::vector<std::string> hosts);

/// A name for RankHost's socket that nobody else on this machine has.
[[nodiscard]] Result<std::string> NewRankSocket();

/// The variable in which `berth rank` finds that name.
inline constexpr std::string_view kRankSocketVariable = "BERTH_RANK_SOCKET";
/// The rank's number, where no launcher tells it: ranks::kNumberVariable.
inline constexpr std::string_view kRankNumberVariable = "BERTH_RANK";

/// Whether Python finds a module, without importing it (frameworks take seconds).
bool PythonHasModule(const Surroundings& surroundings, const std::string& python,
                     const std::string& module);

/// Sets the variable where the job's own environment does not.
void SetDefault(process::Variables* variables, const std::string& name, std::string value);

/// Where torch.distributed's processes meet, unless the launcher settles it: the reference's port.
inline constexpr int kMasterPort = 7777;

}  // namespace berth::launch
