#include "platform/cluster_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "platform/hosts.h"
#include "platform/namespaces.h"
#include "platform/network_devices.h"
#include "platform/run_in_child.h"
#include "platform/sent_descriptor.h"

namespace berth::platform {
namespace {

constexpr const char* kBridge = "bridge";
/// 10.0.0.0/16: nobody outside the cluster ever sees these addresses.
constexpr uint32_t kNetwork = 0x0A000000;
constexpr unsigned char kPrefix = 16;

enum : uint32_t { kUserNamespace, kNetworkNamespace };

in_addr AddressOf(size_t number) {
  return {htonl(kNetwork + static_cast<uint32_t>(number))};
}

Result<void> SendNamespace(int socket, uint32_t number, const char* path) {
  const Descriptor opened(::open(path, O_RDONLY | O_CLOEXEC));
  if (!opened) return FailErrno(fmt::format("cannot open \"{}\"", path));
  return SendDescriptor(socket, number, opened);
}

/// In a process of its own: makes all that hosts will need, and sends what is to stay.
Result<void> MakeNamespaces(bool user_namespace, int socket) {
  BERTH_TRY(EnterNamespaces({.user_namespace = user_namespace, .mount_namespace = true},
                            CLONE_NEWNET | CLONE_NEWIPC));
  BERTH_ASSIGN(NetworkDevices devices, NetworkDevices::Open());
  BERTH_TRY(devices.AddBridge(kBridge));
  if (user_namespace) BERTH_TRY(SendNamespace(socket, kUserNamespace, "/proc/self/ns/user"));
  return SendNamespace(socket, kNetworkNamespace, "/proc/self/ns/net");
}

Result<void> Join(const Descriptor& descriptor, int kind) {
  if (::setns(descriptor.get(), kind) == 0) return {};
  return FailErrno("cannot enter the namespaces of the job's hosts");
}

}  // namespace

Result<ClusterNetwork> ClusterNetwork::Make() {
  std::optional<Error> obstacle;
  for (const bool user_namespace : {false, true}) {
    if (!user_namespace && ::geteuid() != 0) continue;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
      return FailErrno("cannot make a socket");
    }
    const Descriptor ours(ends[0]);
    Descriptor theirs(ends[1]);
    const auto made = RunInChild([&] { return MakeNamespaces(user_namespace, theirs.get()); });
    theirs.Close();
    if (!made) {
      if (!obstacle) obstacle = made.error();
      continue;
    }
    Descriptor user;
    Descriptor network;
    while (auto sent = ReceiveDescriptor(ours.get())) {
      (sent->number == kUserNamespace ? user : network) = std::move(sent->descriptor);
    }
    if (network && static_cast<bool>(user) == user_namespace) {
      return ClusterNetwork(std::move(user), std::move(network));
    }
    return Fail("too many files are open in this process", EMFILE);
  }
  return Fail(*std::move(obstacle));
}

Result<void> ClusterNetwork::EnterHost(size_t number, const std::string& name,
                                       bool pid_namespace) const {
  if (user_namespace_) BERTH_TRY(Join(user_namespace_, CLONE_NEWUSER));
  BERTH_TRY(Join(network_namespace_, CLONE_NEWNET));
  BERTH_ASSIGN(NetworkDevices clusters, NetworkDevices::Open());
  BERTH_TRY(EnterNamespaces({.mount_namespace = true, .pid_namespace = pid_namespace},
                            CLONE_NEWNET | CLONE_NEWIPC));
  BERTH_TRY(clusters.AddCable(name, kBridge, "eth0", ::getpid()));
  BERTH_ASSIGN(NetworkDevices own, NetworkDevices::Open());
  BERTH_TRY(own.SetUp("lo"));
  BERTH_TRY(own.AddAddress("eth0", AddressOf(number), kPrefix));
  return own.SetUp("eth0");
}

std::string ClusterHostsFile(size_t hosts) {
  std::string text = "127.0.0.1\tlocalhost\n";
  for (size_t number = 1; number <= hosts; ++number) {
    char address[INET_ADDRSTRLEN] = "";
    const in_addr binary = AddressOf(number);
    ::inet_ntop(AF_INET, &binary, address, sizeof address);
    text += fmt::format("{}\t{}\n", address, HostName(number));
  }
  return text;
}

}  // namespace berth::platform
