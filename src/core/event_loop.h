// Waiting for many descriptors and times in one thread, beside somebody else's loop.
//
// The loop never waits itself: descriptor() is readable when something is due, so that another loop
// (process::Supervise(), poll() in a test) waits for it among other things and then calls
// RunReady(). Everything here belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth {

class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  /// Gets what of EPOLLIN, EPOLLOUT, EPOLLHUP and EPOLLERR holds.
  using Handler = std::function<void(uint32_t events)>;
  /// Names a timer; never 0, never used again.
  using Timer = uint64_t;

  [[nodiscard]] static Result<std::unique_ptr<EventLoop>> Make();

  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Readable when RunReady() has something to do.
  int descriptor() const { return epoll_.get(); }

  /// Calls `handler` from RunReady() whenever one of `events` (EPOLLIN, EPOLLOUT; level-triggered)
  /// holds for `fd`, which is the caller's and is not watched yet. 0 waits for a hang-up only.
  [[nodiscard]] Result<void> Watch(int fd, uint32_t events, Handler handler);
  /// Waits for these from now on. `fd` is watched.
  void Change(int fd, uint32_t events);
  /// Its handler is not called any more, not even in this round. Before `fd` is closed. Nothing
  /// where it is not watched.
  void Forget(int fd);

  /// Calls `action` once from RunReady(), when the time has come.
  Timer At(Clock::time_point time, std::function<void()> action);
  Timer After(std::chrono::nanoseconds delay, std::function<void()> action) {
    return At(Clock::now() + delay, std::move(action));
  }
  /// Nothing where it has been called, or was cancelled.
  void Cancel(Timer timer);

  /// Calls what is due. Handlers may watch, forget, set and cancel as they like.
  void RunReady();

  /// Waits until something is due, at most `limit`, and then calls it: for whoever has nothing else
  /// to wait for.
  void WaitAndRun(std::chrono::milliseconds limit);

 private:
  EventLoop() = default;
  void Arm();

  struct Watched {
    Handler handler;
    /// Tells a descriptor that was closed and opened anew within one round from the former one.
    uint64_t generation = 0;
  };
  struct Due {
    Clock::time_point time;
    Timer timer;
    auto operator<=>(const Due&) const = default;
  };

  Descriptor epoll_;
  Descriptor clock_;  // a timerfd, armed for the first of timers_
  std::map<int, std::shared_ptr<Watched>> watched_;
  std::map<Due, std::function<void()>> timers_;
  std::map<Timer, Clock::time_point> times_;
  Clock::time_point armed_ = Clock::time_point::max();
  uint64_t last_ = 0;
};

}  // namespace berth
