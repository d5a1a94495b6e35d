#include "platform/network_devices.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace berth::platform {
namespace {

/// A request of rtnetlink(7) as it is built: a header, a fixed part, then attributes, some of which
/// hold attributes. Everything begins at a multiple of four.
class Request {
 public:
  explicit Request(uint16_t type, uint16_t flags = 0) {
    const nlmsghdr header{.nlmsg_len = 0,
                          .nlmsg_type = type,
                          .nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags),
                          .nlmsg_seq = 1,
                          .nlmsg_pid = 0};
    Add(header);
  }

  template <typename Part>
  void Add(const Part& part) {
    Append(&part, sizeof part);
  }

  void AddAttribute(unsigned short type, const void* content, size_t size) {
    const size_t start = Begin(type);
    Append(content, size);
    // The length does not count what fills up to the next multiple.
    SetLength(start, static_cast<unsigned short>(RTA_LENGTH(size)));
  }
  void AddAttribute(unsigned short type, const std::string& text) {
    AddAttribute(type, text.c_str(), text.size() + 1);
  }
  void AddAttribute(unsigned short type, uint32_t number) {
    AddAttribute(type, &number, sizeof number);
  }

  /// What is added until End() is content of this attribute.
  size_t Begin(unsigned short type) {
    const size_t start = bytes_.size();
    Add(rtattr{.rta_len = 0, .rta_type = type});
    return start;
  }
  void End(size_t start) { SetLength(start, static_cast<unsigned short>(bytes_.size() - start)); }

  const std::vector<char>& Finish() {
    const auto length = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
    return bytes_;
  }

 private:
  void Append(const void* part, size_t size) {
    const size_t start = bytes_.size();
    bytes_.resize(start + NLMSG_ALIGN(size));
    std::memcpy(bytes_.data() + start, part, size);
  }
  void SetLength(size_t start, unsigned short length) {
    std::memcpy(bytes_.data() + start + offsetof(rtattr, rta_len), &length, sizeof length);
  }

  std::vector<char> bytes_;
};

/// Sends it and waits for the kernel's answer, which comes at once.
Result<void> Ask(int socket, Request& request, std::string_view what) {
  const std::vector<char>& bytes = request.Finish();
  if (::send(socket, bytes.data(), bytes.size(), 0) < 0) return FailErrno(what);
  alignas(nlmsghdr) std::array<char, 8192> answer;
  ssize_t n = 0;
  do {
    n = ::recv(socket, answer.data(), answer.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return FailErrno(what);
  nlmsghdr header{};
  nlmsgerr result{};
  if (static_cast<size_t>(n) < sizeof header + sizeof result.error) {
    return Fail(fmt::format("{}: the kernel's answer cannot be read", what), EPROTO);
  }
  std::memcpy(&header, answer.data(), sizeof header);
  std::memcpy(&result.error, answer.data() + NLMSG_HDRLEN, sizeof result.error);
  if (header.nlmsg_type != NLMSG_ERROR) {
    return Fail(fmt::format("{}: the kernel's answer cannot be read", what), EPROTO);
  }
  if (result.error != 0) return Fail(Error::System(-result.error, what));
  return {};
}

ifinfomsg Up(int index) {
  ifinfomsg about{};
  about.ifi_index = index;
  about.ifi_flags = IFF_UP;
  about.ifi_change = IFF_UP;
  return about;
}

}  // namespace

Result<NetworkDevices> NetworkDevices::Open() {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return FailErrno("cannot reach the kernel's network devices");
  return NetworkDevices(std::move(socket));
}

Result<int> NetworkDevices::IndexOf(const std::string& device) const {
  // Not if_nametoindex(): that looks in the namespace of the process.
  ifreq about{};
  device.copy(about.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(socket_.get(), SIOCGIFINDEX, &about) != 0) {
    return FailErrno(fmt::format("cannot find the network device {}", device));
  }
  return about.ifr_ifindex;
}

Result<void> NetworkDevices::AddBridge(const std::string& name) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.Add(Up(0));
  request.AddAttribute(IFLA_IFNAME, name);
  const size_t info = request.Begin(IFLA_LINKINFO);
  request.AddAttribute(IFLA_INFO_KIND, "bridge");
  request.End(info);
  return Ask(socket_.get(), request, fmt::format("cannot make the network bridge {}", name));
}

Result<void> NetworkDevices::AddCable(const std::string& port, const std::string& bridge,
                                      const std::string& far_end, pid_t far_process) {
  BERTH_ASSIGN(const int bridge_index, IndexOf(bridge));
  Request removal(RTM_DELLINK);
  removal.Add(ifinfomsg{});
  removal.AddAttribute(IFLA_IFNAME, port);
  const auto removed = Ask(socket_.get(), removal, fmt::format("cannot remove the cable {}", port));
  if (!removed && removed.error().system_error() != ENODEV) return Fail(removed.error());
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.Add(Up(0));
  request.AddAttribute(IFLA_IFNAME, port);
  request.AddAttribute(IFLA_MASTER, static_cast<uint32_t>(bridge_index));
  const size_t info = request.Begin(IFLA_LINKINFO);
  request.AddAttribute(IFLA_INFO_KIND, "veth");
  const size_t data = request.Begin(IFLA_INFO_DATA);
  const size_t peer = request.Begin(VETH_INFO_PEER);
  request.Add(ifinfomsg{});
  request.AddAttribute(IFLA_IFNAME, far_end);
  request.AddAttribute(IFLA_NET_NS_PID, static_cast<uint32_t>(far_process));
  request.End(peer);
  request.End(data);
  request.End(info);
  return Ask(socket_.get(), request, fmt::format("cannot make the network cable {}", port));
}

Result<void> NetworkDevices::AddAddress(const std::string& device, in_addr address,
                                        unsigned char prefix) {
  BERTH_ASSIGN(const int index, IndexOf(device));
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  ifaddrmsg about{};
  about.ifa_family = AF_INET;
  about.ifa_prefixlen = prefix;
  about.ifa_index = static_cast<uint32_t>(index);
  request.Add(about);
  request.AddAttribute(IFA_LOCAL, &address, sizeof address);
  request.AddAttribute(IFA_ADDRESS, &address, sizeof address);
  return Ask(socket_.get(), request, fmt::format("cannot give {} its address", device));
}

Result<void> NetworkDevices::SetUp(const std::string& device) {
  BERTH_ASSIGN(const int index, IndexOf(device));
  Request request(RTM_NEWLINK);
  request.Add(Up(index));
  return Ask(socket_.get(), request, fmt::format("cannot start the network device {}", device));
}

}  // namespace berth::platform
