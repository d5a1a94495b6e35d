#include "storage/file_state.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace berth::storage {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
// The slowest kernel's is 10 ms; a machine that is busy is late with it.
constexpr int64_t kTick = 50'000'000;
// Where times are whole seconds; FAT's are even ones.
constexpr int64_t kCoarseTick = 2 * kSecond;

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

}  // namespace

FileState FileState::Of(const struct stat& about) {
  return {about.st_ino, about.st_size, Nanoseconds(about.st_mtim), Nanoseconds(about.st_ctim)};
}

std::chrono::nanoseconds FileState::UntilSettled(int64_t now) const {
  // Only mtime can be set by hand, to a whole second as to anything else.
  const int64_t tick = changed % kSecond == 0 ? kCoarseTick : kTick;
  const int64_t left = std::max(modified, changed) + tick - now;
  // A time in the future says nothing of when it was written: a tick from now is enough for it.
  return std::chrono::nanoseconds(std::clamp<int64_t>(left, 0, tick));
}

bool IsOpenForWriting(int descriptor) {
  // A lease on reading is given only where nobody writes. Who opens the file for writing while we
  // have it waits until we give it back; the kernel tells us so by a signal, SIGIO unless another
  // one is chosen, which would end us.
  ::fcntl(descriptor, F_SETSIG, SIGURG);
  if (::fcntl(descriptor, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  ::fcntl(descriptor, F_SETLEASE, F_UNLCK);
  return false;
}

int64_t FileClock() {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return Nanoseconds(now);
}

}  // namespace berth::storage
