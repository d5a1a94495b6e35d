#include "core/log.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <string>

namespace berth::log {
namespace {

std::atomic<Level> minimum = Level::kInfo;

std::string_view Name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO ";
    case Level::kWarning:
      return "WARN ";
    case Level::kError:
      return "ERROR";
  }
  return "ERROR";
}

}  // namespace

void SetLevel(Level level) {
  minimum.store(level, std::memory_order_relaxed);
}

Level LevelFromNumber(long number) {
  if (number >= 40) return Level::kError;
  if (number >= 30) return Level::kWarning;
  if (number >= 20) return Level::kInfo;
  return Level::kDebug;
}

bool Enabled(Level level) {
  return level >= minimum.load(std::memory_order_relaxed);
}

void Write(Level level, std::string_view component, std::string_view message) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  const std::string line =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z {} {:<9} {}\n", utc.tm_year + 1900,
                  utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                  now.time_since_epoch().count() % 1000, Name(level), component, message);
  // A log that cannot be written is no reason to fail: there is nobody left to tell.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace berth::log
