#include "storage/cancellation.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace berth::storage {

Result<Cancellation> Cancellation::Make() {
  Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return FailErrno("cannot make an eventfd");
  return Cancellation(std::move(event));
}

Result<Cancellation> Cancellation::Below(const Cancellation* parent) {
  BERTH_ASSIGN(Cancellation cancellation, Make());
  if (parent == nullptr) return cancellation;
  Descriptor either(::epoll_create1(EPOLL_CLOEXEC));
  if (!either) return FailErrno("cannot make an epoll");
  for (const int descriptor : {cancellation.event_.get(), parent->descriptor()}) {
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    if (::epoll_ctl(either.get(), EPOLL_CTL_ADD, descriptor, &wanted) != 0) {
      return FailErrno("cannot watch a cancellation");
    }
  }
  cancellation.either_ = std::move(either);
  return cancellation;
}

void Cancellation::Cancel() const {
  const int saved = errno;
  const uint64_t one = 1;
  // Fails only where the counter is full, that is, after 2^64 calls.
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
  errno = saved;
}

bool Cancellation::cancelled() const {
  return WaitFor(std::chrono::nanoseconds::zero());
}

bool Cancellation::WaitFor(std::chrono::nanoseconds time) const {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + time;
  for (;;) {
    const auto left = std::max(until - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec wait{seconds.count(), (left - seconds).count()};
    pollfd watched{descriptor(), POLLIN, 0};
    const int ready = ::ppoll(&watched, 1, &wait, nullptr);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return false;
  }
}

}  // namespace berth::storage
