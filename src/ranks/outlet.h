// One place where the output of many ranks goes: whole lines, many in one write.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "core/event_loop.h"
#include "process/sink.h"

namespace berth::ranks {

/// Never waits. Lines are gathered up to PIPE_BUF bytes and then written at once, which a pipe
/// takes whole or not at all: what others write to it stands between lines. A longer line is
/// written by itself. Nothing stays here but what the sink does not take.
class Outlet {
 public:
  /// `fd` stays the caller's. `on_free` is called from `loop` when an outlet that was blocked is
  /// not any more.
  Outlet(EventLoop& loop, int fd, std::function<void()> on_free);
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;
  ~Outlet();

  /// Takes `prefix` and `text` as one line, with a newline behind them where `newline` asks for it.
  /// False: blocked, nothing was taken. What is taken goes out by the next Flush().
  bool PutLine(std::string_view prefix, std::string_view text, bool newline);

  /// Takes bytes as they are; how many of them.
  size_t PutBytes(std::string_view bytes);

  /// Writes what was taken; false where the sink does not take all of it now.
  bool Flush();

  /// Its reader stands still.
  bool blocked() const { return blocked_; }
  bool lost() const { return lost_ || sink_.lost(); }

  /// Swallows what it has and all that comes.
  void Abandon();

 private:
  void Block();

  EventLoop& loop_;
  process::Sink sink_;
  std::function<void()> on_free_;
  std::string taken_;
  size_t begin_ = 0;  // of what is not written yet
  bool blocked_ = false;
  bool abandoned_ = false;
  bool lost_ = false;
};

}  // namespace berth::ranks
