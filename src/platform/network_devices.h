// Network devices of a network namespace, made and set up through rtnetlink: no `ip` is needed.
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include <string>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::platform {

/// Stays with the network namespace that the process was in when it was opened, whichever the
/// process enters later. Names of devices have at most 15 characters. Errors name the device.
class NetworkDevices {
 public:
  [[nodiscard]] static Result<NetworkDevices> Open();

  /// A bridge that is up.
  [[nodiscard]] Result<void> AddBridge(const std::string& name);

  /// A cable (veth): its end `port` is up and plugged into `bridge` here, the other is the device
  /// `far_end`, still down, in the network namespace of the process `far_process`. A cable that is
  /// there by that name, as one may for a while whose other end was a process that is gone, goes.
  [[nodiscard]] Result<void> AddCable(const std::string& port, const std::string& bridge,
                                      const std::string& far_end, pid_t far_process);

  /// IPv4; the first `prefix` bits are the network's.
  [[nodiscard]] Result<void> AddAddress(const std::string& device, in_addr address,
                                        unsigned char prefix);

  [[nodiscard]] Result<void> SetUp(const std::string& device);

 private:
  explicit NetworkDevices(Descriptor socket) : socket_(std::move(socket)) {}
  Result<int> IndexOf(const std::string& device) const;

  Descriptor socket_;
};

}  // namespace berth::platform
