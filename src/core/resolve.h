// Host names, as a static binary can resolve them.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"

namespace berth {

/// An IPv4 or IPv6 address with a port, as connect() takes it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  /// "10.0.0.7", "fd00::7": for messages.
  std::string HostText() const;
};

/// Asks the system: /etc/hosts, then DNS. All addresses of the host, best first; never empty.
/// Blocks until a DNS server has answered, or none did for some seconds. From any thread.
[[nodiscard]] Result<std::vector<SocketAddress>> ResolveAddresses(const std::string& host,
                                                                  uint16_t port);

}  // namespace berth
