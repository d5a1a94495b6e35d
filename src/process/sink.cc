#include "process/sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace berth::process {
namespace {

/// A write that may wait is at most this long: a pipe that polls writable has room for it, and a
/// terminal's buffer usually too.
constexpr size_t kPolledWrite = PIPE_BUF;

bool Writable(int fd) {
  pollfd waiting{fd, POLLOUT, 0};
  return ::poll(&waiting, 1, 0) > 0;
}

/// Errors that go away: the disk has no room now.
bool Passing(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

}  // namespace

Sink::Sink(int fd) : fd_(fd) {
  struct stat status{};
  if (fd < 0 || ::fstat(fd, &status) != 0) return;
  if (S_ISSOCK(status.st_mode)) {
    way_ = Way::kSocket;
  } else if (S_ISFIFO(status.st_mode) || (S_ISCHR(status.st_mode) && ::isatty(fd) == 1)) {
    way_ = Way::kNonBlocking;
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) return;
    own_ = Descriptor(::open(fmt::format("/proc/self/fd/{}", fd).c_str(),
                             O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!own_ || !SameFile(fd, own_.get())) {
      own_.Close();
      way_ = Way::kPolled;
    }
  } else {
    way_ = Way::kDirect;
  }
}

size_t Sink::Write(std::string_view bytes) {
  for (;;) {
    ssize_t n = 0;
    switch (way_) {
      case Way::kSwallow:
        return bytes.size();
      case Way::kSocket:
        n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
      case Way::kPolled:
        if (!Writable(fd_)) return 0;
        n = ::write(fd_, bytes.data(), std::min(bytes.size(), kPolledWrite));
        break;
      case Way::kDirect:
      case Way::kNonBlocking:
        n = ::write(fd(), bytes.data(), bytes.size());
        break;
    }
    if (n >= 0) return static_cast<size_t>(n);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    lost_ = true;
    if (!Passing(errno)) way_ = Way::kSwallow;
    return bytes.size();
  }
}

bool SameFile(int a, int b) {
  struct stat left{}, right{};
  return ::fstat(a, &left) == 0 && ::fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
         left.st_ino == right.st_ino;
}

}  // namespace berth::process
