#include "ranks/socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace berth::ranks {
namespace {

constexpr size_t kLongestName = 100;
/// Hundreds of ranks start at once; the kernel cuts this to its own limit.
constexpr int kBacklog = 4096;
constexpr size_t kMostDescriptors = 3;

struct Address {
  sockaddr_un value{};
  socklen_t size = 0;
};

Result<Address> AddressOf(const std::string& name) {
  if (name.empty() || name.size() > kLongestName) {
    return Fail(fmt::format("\"{}\" cannot be a socket's name", name));
  }
  Address address;
  address.value.sun_family = AF_UNIX;
  std::memcpy(address.value.sun_path + 1, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

Result<Descriptor> MakeSocket(int flags) {
  Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!socket) return FailErrno("cannot make a socket");
  return socket;
}

const sockaddr* Generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.value);
}

}  // namespace

Result<Descriptor> ListenAt(const std::string& name) {
  BERTH_ASSIGN(const Address address, AddressOf(name));
  BERTH_ASSIGN(Descriptor socket, MakeSocket(SOCK_NONBLOCK));
  if (::bind(socket.get(), Generic(address), address.size) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return FailErrno(fmt::format("cannot listen at the socket \"@{}\"", name));
  }
  return socket;
}

Result<Descriptor> ConnectTo(const std::string& name) {
  BERTH_ASSIGN(const Address address, AddressOf(name));
  BERTH_ASSIGN(Descriptor socket, MakeSocket(0));
  while (::connect(socket.get(), Generic(address), address.size) != 0) {
    if (errno != EINTR) return FailErrno(fmt::format("cannot connect to the socket \"@{}\"", name));
  }
  return socket;
}

std::optional<pid_t> PeerOfOurUser(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  if (peer.uid != ::geteuid()) return std::nullopt;
  return peer.pid;
}

bool SendPacket(int socket, std::string_view packet, std::span<const int> descriptors) {
  iovec part{const_cast<char*>(packet.data()), packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> ancillary{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = ancillary.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t n = 0;
  do {
    n = ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(packet.size());
}

Result<Packet> ReceivePacket(int socket, std::span<char> buffer) {
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> ancillary{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = ancillary.data();
  header.msg_controllen = ancillary.size();
  ssize_t n = 0;
  do {
    n = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return FailErrno("cannot read from the socket");
  Packet packet{.bytes = {buffer.data(), static_cast<size_t>(n)}, .descriptors = {}};
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each) + i * sizeof fd, sizeof fd);
      packet.descriptors.emplace_back(fd);
    }
  }
  if ((header.msg_flags & MSG_TRUNC) != 0) return Fail("a packet is too long", EMSGSIZE);
  return packet;
}

}  // namespace berth::ranks
