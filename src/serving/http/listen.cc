#include "serving/http/listen.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace berth::serving::http {
namespace {

// Cut by the kernel to net.core.somaxconn.
constexpr int kBacklog = 4096;

Result<void> Set(int socket, int level, int option, int value) {
  if (::setsockopt(socket, level, option, &value, sizeof value) != 0) {
    return FailErrno("cannot set up a socket to listen on");
  }
  return {};
}

std::unexpected<Error> PortError(uint16_t port, int error) {
  if (error == EADDRINUSE) {
    return Fail(fmt::format("port {} is taken by another process: stop that one, or serve on "
                            "another port",
                            port),
                error);
  }
  if (error == EACCES) {
    return Fail(fmt::format("port {} may not be listened on by this user: ports below 1024 are "
                            "root's, serve on another one",
                            port),
                error);
  }
  return Fail(Error::System(error, fmt::format("cannot listen on port {}", port)));
}

Result<Descriptor> ListenIn(int family, uint16_t port) {
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return PortError(port, errno);
  BERTH_TRY(Set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1));
  BERTH_TRY(Set(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1));
  int bound = -1;
  if (family == AF_INET6) {
    BERTH_TRY(Set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0));
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_any;
    bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (bound != 0 || ::listen(socket.get(), kBacklog) != 0) return PortError(port, errno);
  return socket;
}

}  // namespace

Result<Descriptor> ListenOn(uint16_t port) {
  auto both = ListenIn(AF_INET6, port);
  if (both) return both;
  const int error = both.error().system_error();
  // Compiled out, switched off (sysctl disable_ipv6), or not in this network namespace.
  if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL && error != EPROTONOSUPPORT) return both;
  return ListenIn(AF_INET, port);
}

Result<uint16_t> BoundPort(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return FailErrno("cannot tell the port that is listened on");
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string AddressOf(const sockaddr_storage& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (peer.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(peer);
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    return fmt::format("{} {}", text.data(), ntohs(address.sin_port));
  }
  if (peer.ss_family != AF_INET6) return {};
  const auto& address = reinterpret_cast<const sockaddr_in6&>(peer);
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
    ::inet_ntop(AF_INET, &address.sin6_addr.s6_addr[12], text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  }
  return fmt::format("{} {}", text.data(), ntohs(address.sin6_port));
}

}  // namespace berth::serving::http
