// The log of a server: written by a thread of its own, so that a reader that stands still holds up
// neither requests nor /ping.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace berth::serving {

class LogWriter {
 public:
  /// Writes to `fd`, which stays the caller's. While more than a MiB waits, `on_congestion(true)`
  /// has been called, from any thread; then whoever can should add less. Above 16 MiB lines are
  /// dropped, and the log says how many.
  LogWriter(int fd, std::function<void(bool congested)> on_congestion);

  /// Writes what waits, for two seconds at most.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void Add(std::string_view line);

 private:
  void Work();
  bool WriteSome(std::string_view& text) const;

  const int fd_;
  const std::function<void(bool)> on_congestion_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::string waiting_;
  uint64_t dropped_ = 0;
  bool congested_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace berth::serving
