// What the processes of a job talk over, found by looking at the devices and never by the name of
// an instance type.
#pragma once

#include <string>

#include "launch/launcher.h"

namespace berth::launch {

struct Network {
  /// The interface of resourceconfig.json; empty where this machine has no such interface.
  std::string interface;
  /// EFA devices, and libfabric has a provider for them.
  bool efa = false;
  /// Each EFA device is of a generation that has RDMA read and write (EFA 2 and later).
  bool device_rdma = false;
  /// The decision and its reason, one line.
  std::string reason;
  /// FI_PROVIDER, NCCL_PROTO and FI_EFA_USE_DEVICE_RDMA where they follow from it.
  process::Variables variables;
};

/// Looks at /sys/class/infiniband (devices of the driver "efa"), asks `fi_info -p efa` where there
/// are such devices and the program is there, and logs what follows and why.
Network ProbeNetwork(const Surroundings& surroundings);

}  // namespace berth::launch
