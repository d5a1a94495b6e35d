#include "core/resolve.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/text.h"

namespace berth {
namespace {

/// A lookup is one of many tries: seconds between two questions to a server, and how many.
constexpr int kQuestionSeconds = 2;
constexpr int kQuestions = 2;

}  // namespace

std::string SocketAddress::HostText() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* address =
      storage.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr)
          : &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr;
  if (::inet_ntop(storage.ss_family, address, text.data(), text.size()) == nullptr) return "?";
  // How a socket for both families shows a peer that came by IPv4.
  constexpr std::string_view kMapped = "::ffff:";
  std::string_view shown = text.data();
  if (shown.starts_with(kMapped) && shown.contains('.')) shown.remove_prefix(kMapped.size());
  return std::string(shown);
}

Result<std::vector<SocketAddress>> ResolveAddresses(const std::string& host, uint16_t port) {
  // A static binary must not load the image's NSS modules: they belong to another C library.
  // "files" and "dns" are built in.
  static const int configured = ::__nss_configure_lookup("hosts", "files dns");
  if (configured != 0) return Fail("cannot set up the resolver");
  if (::res_init() == 0) {  // this thread's, read anew: resolv.conf may have come late, too
    _res.retrans = std::min(_res.retrans, kQuestionSeconds);
    _res.retry = std::min(_res.retry, kQuestions);
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), fmt::format("{}", port).c_str(), &hints, &found);
  if (code != 0) {
    const std::string what = fmt::format("the name {} does not resolve", Quoted(host));
    if (code == EAI_SYSTEM) return FailErrno(what);
    return Fail(fmt::format("{}: {}", what, ::gai_strerror(code)));
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace berth
