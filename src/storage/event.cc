#include "storage/event.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace berth::storage {

Result<Event> Event::Make() {
  Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return FailErrno("cannot make an eventfd");
  return Event(std::move(event));
}

void Event::Set() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

Woken Event::Wait(std::chrono::steady_clock::time_point deadline,
                  const Cancellation* cancel) const {
  for (;;) {
    const auto left = std::max(deadline - std::chrono::steady_clock::now(),
                               std::chrono::steady_clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec time{seconds.count(), (left - seconds).count()};
    pollfd watched[2] = {{event_.get(), POLLIN, 0},
                         {cancel != nullptr ? cancel->descriptor() : -1, POLLIN, 0}};
    const int ready = ::ppoll(watched, 2, &time, nullptr);
    if (ready < 0 && errno == EINTR) continue;
    if (watched[0].revents != 0) return Woken::kSet;
    if (watched[1].revents != 0) return Woken::kCancelled;
    return Woken::kDeadline;
  }
}

}  // namespace berth::storage
