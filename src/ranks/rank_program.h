// What each rank of a host runs: the launcher decides it, the host's berth hands it out.
#pragma once

#include <string>
#include <vector>

#include "process/supervisor.h"

namespace berth::ranks {

/// mpirun and torchrun start `berth rank` without arguments, which asks its host's berth for this:
/// so the user's arguments pass through no launcher's or ssh's quoting, and the variables of a host
/// are right on each of its ranks.
struct RankProgram {
  /// {"/usr/bin/python3", "-m", "mpi4py", "train.py", "--lr", "0.1"}: found and run as
  /// process::Command has it.
  std::vector<std::string> argv;
  /// Working directory.
  std::string directory;
  /// Laid over what the launcher gave the rank, but for the names in `kept` and the launchers' own
  /// (OMPI_*, PMIX_*, PMI_*, PRTE_*, MPI_*, I_MPI_*, HYDRA_*, HYDI_*).
  process::Variables variables;
  /// Names whose value the user gave to the launcher itself (`mpirun -x NAME=value`).
  std::vector<std::string> kept;
  /// False: the launcher's environment descends from ours already (torchrun), nothing is laid over.
  bool overlay = false;
};

}  // namespace berth::ranks
