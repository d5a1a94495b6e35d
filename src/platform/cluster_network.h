// The network that the hosts of one job have among themselves, on this machine.
//
//   algo-1: eth0 10.0.0.1 ── algo-1 ┐
//                                   ├ bridge
//   algo-2: eth0 10.0.0.2 ── algo-2 ┘
//
// The bridge and the cables' ends lie in a network namespace of the cluster's, where no process
// lives: it exists for as long as somebody has it open. All namespaces are below one user
// namespace, but where we are root and need none. Everything goes by itself with the processes.
// There is no way to the world outside, and none from there to the hosts.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::platform {

class ClusterNetwork {
 public:
  /// Makes the cluster's namespaces and its bridge. The caller must have one thread only. Fails,
  /// with the reason, where a host could not have its namespaces here.
  [[nodiscard]] static Result<ClusterNetwork> Make();

  /// Gives the calling process, a fork of the one that made the network, the namespaces of the host
  /// of that number (from 1): mount, uts, ipc, and network with "lo" and "eth0"; its children a pid
  /// namespace, if it is to have one. `name`: of its cable's end at the bridge.
  [[nodiscard]] Result<void> EnterHost(size_t number, const std::string& name,
                                       bool pid_namespace) const;

  /// Whether hosts are in a user namespace.
  bool has_user_namespace() const { return static_cast<bool>(user_namespace_); }

  /// Kept open by whoever calls EnterHost().
  std::vector<int> descriptors() const { return {user_namespace_.get(), network_namespace_.get()}; }

 private:
  ClusterNetwork(Descriptor user_namespace, Descriptor network_namespace)
      : user_namespace_(std::move(user_namespace)),
        network_namespace_(std::move(network_namespace)) {}

  Descriptor user_namespace_;  // empty: none of its own
  Descriptor network_namespace_;
};

/// /etc/hosts of each host: "localhost", and algo-1 … algo-N with their addresses.
std::string ClusterHostsFile(size_t hosts);

}  // namespace berth::platform
