// What MPI jobs and SMDDP jobs share: mpirun on the master, sshd on the workers, `berth rank` as
// each rank.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launch/launchers.h"

namespace berth::launch {

/// Where the two differ.
struct MpiFlavor {
  std::string_view name;
  /// The hyperparameter with the user's options for mpirun.
  std::string_view options_parameter;
  /// sagemaker_mpi_num_processes; all slots where it is not given.
  std::optional<int> processes;
  /// Open MPI: ranks are bound to nothing, and fill one host after the other.
  bool unbound = false;
  /// Open MPI: more ranks than slots are fine, and this many hosts are started at once.
  bool oversubscribe = false;
  std::optional<size_t> hosts_at_once;
  /// For ranks, where the job's own environment does not set them.
  process::Variables defaults;
  /// In front of the interpreter: {"smddprun"}.
  std::vector<std::string> wrapper;
};

MadeLauncher MakeMpiLike(Surroundings surroundings, std::vector<std::string> hosts,
                         MpiFlavor flavor);

}  // namespace berth::launch
