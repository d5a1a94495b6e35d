#include "core/log.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <string>
#include <utility>

#include "core/json.h"
#include "core/text.h"

namespace berth::log {
namespace {

std::atomic<Level> minimum = Level::kInfo;
bool as_json = false;

std::function<void(std::string_view)>& Sink() {
  static std::function<void(std::string_view)> sink;
  return sink;
}

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

std::string TextLine(std::string_view time, Level level, std::string_view component,
                     std::string_view message, std::initializer_list<Field> fields) {
  std::string about;
  for (const Field& field : fields) {
    if (field.value.empty()) continue;
    about += fmt::format("{}{}={}", about.empty() ? "[" : " ", field.name, field.value);
  }
  if (!about.empty()) about += "] ";
  return fmt::format("{} {} {:<9} {}{}\n", time, Name(level), component, about, message);
}

std::string JsonLine(std::string_view time, Level level, std::string_view component,
                     std::string_view message, std::initializer_list<Field> fields) {
  json::Object line{{"time", time}, {"level", Trim(Name(level))}, {"component", component}};
  for (const Field& field : fields) {
    if (!field.value.empty()) line.Set(std::string(field.name), ToValidUtf8(field.value));
  }
  line.Set("message", ToValidUtf8(message));
  return json::DumpPython(json::Value(std::move(line))) + "\n";
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

void UseJson(bool on) {
  as_json = on;
}

void SetSink(std::function<void(std::string_view)> sink) {
  Sink() = std::move(sink);
}

void Write(Level level, std::string_view component, std::string_view message,
           std::initializer_list<Field> fields) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  const std::string time = fmt::format(
      "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
      utc.tm_hour, utc.tm_min, utc.tm_sec, now.time_since_epoch().count() % 1000);
  const std::string line = as_json ? JsonLine(time, level, component, message, fields)
                                   : TextLine(time, level, component, message, fields);
  if (const auto& sink = Sink()) {
    sink(line);
    return;
  }
  // A log that cannot be written is no reason to fail: there is nobody left to tell.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace berth::log
