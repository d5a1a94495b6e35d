#include "cluster/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <cerrno>

namespace berth::cluster {
namespace {

/// TCP_RTO_MAX_MS; Debian 12's headers do not have it.
constexpr int kTcpRtoMaxMs = 44;

}  // namespace

void TuneSocket(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int longest_ms = 1'000;
  ::setsockopt(fd, IPPROTO_TCP, kTcpRtoMaxMs, &longest_ms, sizeof longest_ms);
}

bool SendAtOnce(int fd, std::string_view bytes) {
  return bytes.empty() ||
         ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

Received ReceiveSome(int fd, std::string& input, size_t limit) {
  std::array<char, 1024> bytes;
  const ssize_t n = ::recv(fd, bytes.data(), std::min(bytes.size(), limit), 0);
  if (n > 0) {
    input.append(bytes.data(), static_cast<size_t>(n));
    return Received::kBytes;
  }
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? Received::kNothingYet : Received::kEnd;
}

}  // namespace berth::cluster
