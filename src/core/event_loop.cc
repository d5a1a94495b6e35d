#include "core/event_loop.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace berth {
namespace {

/// So many of them in one round; the others in the next.
constexpr int kEvents = 64;

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::Make() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  loop->epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  loop->clock_ = Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!loop->epoll_ || !loop->clock_) return FailErrno("cannot make an event loop");
  epoll_event event{.events = EPOLLIN, .data = {.fd = loop->clock_.get()}};
  if (::epoll_ctl(loop->epoll_.get(), EPOLL_CTL_ADD, loop->clock_.get(), &event) != 0) {
    return FailErrno("cannot make an event loop");
  }
  return loop;
}

Result<void> EventLoop::Watch(int fd, uint32_t events, Handler handler) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return FailErrno("cannot wait for a descriptor");
  }
  watched_[fd] = std::make_shared<Watched>(Watched{std::move(handler), ++last_});
  return {};
}

void EventLoop::Change(int fd, uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::Forget(int fd) {
  if (watched_.erase(fd) == 0) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::Timer EventLoop::At(Clock::time_point time, std::function<void()> action) {
  const Timer timer = ++last_;
  timers_.emplace(Due{time, timer}, std::move(action));
  times_.emplace(timer, time);
  Arm();
  return timer;
}

void EventLoop::Cancel(Timer timer) {
  const auto found = times_.find(timer);
  if (found == times_.end()) return;
  timers_.erase({found->second, timer});
  times_.erase(found);
  // The clock may ring for nothing: cheaper than to set it at each of many cancelled deadlines.
}

void EventLoop::Arm() {
  const Clock::time_point first =
      timers_.empty() ? Clock::time_point::max() : timers_.begin()->first.time;
  if (first >= armed_) return;
  armed_ = first;
  using std::chrono::nanoseconds;
  // Zero would turn it off.
  const auto left = std::max(nanoseconds(first - Clock::now()), nanoseconds(1));
  itimerspec when{};
  when.it_value.tv_sec = left.count() / 1'000'000'000;
  when.it_value.tv_nsec = left.count() % 1'000'000'000;
  ::timerfd_settime(clock_.get(), 0, &when, nullptr);
}

void EventLoop::RunReady() {
  const uint64_t before = last_;
  std::array<epoll_event, kEvents> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), kEvents, 0);
  bool rang = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events.at(static_cast<size_t>(i));
    if (event.data.fd == clock_.get()) {
      rang = true;
      continue;
    }
    const auto found = watched_.find(event.data.fd);
    if (found == watched_.end() || found->second->generation > before) continue;
    const std::shared_ptr<Watched> watched = found->second;  // it may forget itself
    watched->handler(event.events);
  }
  if (!rang) return;
  uint64_t times = 0;
  [[maybe_unused]] const ssize_t n = ::read(clock_.get(), &times, sizeof times);
  armed_ = Clock::time_point::max();
  const Clock::time_point now = Clock::now();
  // What one of them sets for at once waits for the next round: nobody else starves.
  std::vector<Due> due;
  for (const auto& [when, action] : timers_) {
    if (when.time > now) break;
    due.push_back(when);
  }
  for (const Due& when : due) {
    auto node = timers_.extract(when);
    if (node.empty()) continue;  // cancelled by one before it
    times_.erase(when.timer);
    node.mapped()();
  }
  Arm();
}

void EventLoop::WaitAndRun(std::chrono::milliseconds limit) {
  pollfd wait{epoll_.get(), POLLIN, 0};
  ::poll(&wait, 1, static_cast<int>(std::clamp<int64_t>(limit.count(), 0, 3'600'000)));
  RunReady();
}

}  // namespace berth
