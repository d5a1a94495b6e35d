// Berth's own log: one line per event, on stderr, so that it never mixes into a script's stdout.
//
// A line reads "2026-01-31T12:00:00.123Z INFO  component  message", or is a JSON object. Written
// at once, whole, by one write(2), or handed to a sink. From any thread.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <initializer_list>
#include <string_view>

namespace berth::log {

/// Python's logging levels, the numbers that sagemaker_container_log_level holds.
enum class Level { kDebug = 10, kInfo = 20, kWarning = 30, kError = 40 };

/// Lines below `level` are dropped. Default kInfo.
void SetLevel(Level level);
/// The nearest level for one of Python's numbers.
Level LevelFromNumber(long number);
bool Enabled(Level level);

/// {"time","level","component", the fields, "message"} in place of text. Before threads start.
void UseJson(bool on);

/// Where whole lines go in place of stderr; an empty function: stderr again. Called from any
/// thread. Set while no other thread logs.
void SetSink(std::function<void(std::string_view line)> sink);

/// What a line is about, besides its message: in text "name=value" in square brackets.
struct Field {
  std::string_view name;
  std::string_view value;
};

void Write(Level level, std::string_view component, std::string_view message,
           std::initializer_list<Field> fields = {});

template <typename... Args>
void Debug(std::string_view component, fmt::format_string<Args...> text, Args&&... args) {
  if (Enabled(Level::kDebug)) {
    Write(Level::kDebug, component, fmt::format(text, std::forward<Args>(args)...));
  }
}
template <typename... Args>
void Info(std::string_view component, fmt::format_string<Args...> text, Args&&... args) {
  if (Enabled(Level::kInfo)) {
    Write(Level::kInfo, component, fmt::format(text, std::forward<Args>(args)...));
  }
}
template <typename... Args>
void Warning(std::string_view component, fmt::format_string<Args...> text, Args&&... args) {
  if (Enabled(Level::kWarning)) {
    Write(Level::kWarning, component, fmt::format(text, std::forward<Args>(args)...));
  }
}
template <typename... Args>
void Error(std::string_view component, fmt::format_string<Args...> text, Args&&... args) {
  if (Enabled(Level::kError)) {
    Write(Level::kError, component, fmt::format(text, std::forward<Args>(args)...));
  }
}

}  // namespace berth::log
