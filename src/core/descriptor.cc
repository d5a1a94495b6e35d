#include "core/descriptor.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace berth {

void Descriptor::Close() {
  // Linux has released the number whatever close() says: never retry.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno("cannot make a pipe");
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

Result<void> SetNonBlocking(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return FailErrno("cannot read descriptor flags");
  const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted != flags && ::fcntl(fd, F_SETFL, wanted) < 0) {
    return FailErrno("cannot set descriptor flags");
  }
  return {};
}

void CloseAllBut(std::vector<int> kept) {
  std::ranges::sort(kept);
  int first = 3;
  for (const int open : kept) {
    if (open > first) ::syscall(SYS_close_range, first, open - 1, 0);
    if (open >= first) first = open + 1;
  }
  ::syscall(SYS_close_range, first, ~0U, 0);
}

Result<void> WriteAll(int fd, const void* bytes, size_t size) {
  const char* next = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t n = ::write(fd, next, size);
    if (n < 0) {
      if (errno == EINTR) continue;
      return FailErrno("cannot write");
    }
    next += n;
    size -= static_cast<size_t>(n);
  }
  return {};
}

}  // namespace berth
