// What a person sees of a running job: its log, byte for byte, and a status line below it.
//
// Never waits for the terminal: a reader that is slow, paused (Ctrl-S) or gone must not keep us
// from stopping the job. What could not be written yet is pending, and bounded: while there is any,
// the caller reads no more from the job.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace berth::platform {

/// What can be drawn on a descriptor.
struct Terminal {
  bool live = false;     // a terminal where a line can be redrawn
  bool unicode = false;  // the locale is UTF-8
  bool color = false;    // live, and no NO_COLOR
  int width = 80;
};

/// Asks the descriptor, and LC_ALL, LC_CTYPE, LANG, TERM and NO_COLOR in `variables`.
Terminal DetectTerminal(int fd, const std::map<std::string, std::string>& variables);

class Console {
 public:
  /// Only so much is written at once: a pipe that polls writable takes this without blocking.
  static constexpr size_t kChunk = 4096;

  /// `fd` must stay open while this lives.
  Console(int fd, const Terminal& terminal) : fd_(fd), terminal_(terminal) {}

  /// Takes a part of the job's log. Call only while !pending().
  void Log(std::string_view bytes);
  /// True while bytes wait for the descriptor to become writable; then call Flush().
  bool pending() const { return !pending_.empty(); }
  /// Writes what can be written without waiting.
  void Flush();
  /// Gives up on what is pending.
  void Drop() { pending_.clear(); }

  /// Shows the line below the log, where that is at the start of a line; nothing where the
  /// descriptor is no terminal. Cut to its width.
  void ShowStatus(std::string_view line);
  /// Removes the status line: before anything else is printed, and at the end.
  void ClearStatus();
  /// ClearStatus(), and on a terminal ends a log line that has no end: before a message of ours.
  void MakeRoom();

  const Terminal& terminal() const { return terminal_; }
  int fd() const { return fd_; }

 private:
  void Write(std::string_view bytes);

  int fd_;
  Terminal terminal_;
  std::string pending_;
  bool at_line_start_ = true;
  std::string status_;
  bool gone_ = false;
};

/// The beginning of a UTF-8 text that takes at most `columns`, one a character.
std::string_view CutToColumns(std::string_view text, size_t columns);

}  // namespace berth::platform
