// What this machine offers a job: CPUs, accelerators, its name.
#pragma once

#include <string>

#include "process/supervisor.h"

namespace berth::process {

struct Machine {
  /// CPUs this process may really use: the affinity mask, cut by the cgroup's quota (v1 and v2),
  /// rounded up; at least 1.
  int cpus = 1;
  /// NVIDIA GPUs: entries of /proc/driver/nvidia/gpus, else the "GPU " lines of
  /// `nvidia-smi --list-gpus`, else 0.
  int gpus = 0;
  /// Neuron cores: the sum of nc_count in `neuron-ls -j`, 0 where there is no neuron-ls.
  int neurons = 0;
  std::string host_name;
};

/// This machine's; "localhost" where the kernel does not say.
std::string HostName();

/// Never fails: what cannot be found out is 0, and a probe that broke is logged. Starts a helper
/// program only where its binary is on the PATH. 1 ms where there are no accelerators.
Machine ProbeMachine(const Variables& variables);

}  // namespace berth::process
