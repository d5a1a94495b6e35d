// What one rank writes to one of its streams, on its way to the log.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/descriptor.h"
#include "core/event_loop.h"
#include "process/tail.h"
#include "ranks/outlet.h"

namespace berth::ranks {

/// Reads a pipe while there is room in the outlet, and passes on whole lines, or, with an empty
/// prefix, bytes as they come. While the outlet is blocked the pipe is not read.
class RankStream {
 public:
  struct Spec {
    Descriptor source;  // non-blocking
    Outlet* outlet = nullptr;
    /// Before each line; empty: the bytes are no lines to us.
    std::string prefix;
    /// Keeps the end of what was read; null: nobody does.
    process::Tail* tail = nullptr;
    /// Sees what was read.
    std::function<void(std::string_view)> observer;
    /// Called when it stands still because of the outlet: Resume() it when that is free.
    std::function<void(RankStream*)> waits;
    /// For one read after the other; shared by all streams.
    std::span<char> scratch;
  };

  RankStream(EventLoop& loop, Spec spec);
  RankStream(const RankStream&) = delete;
  RankStream& operator=(const RankStream&) = delete;
  ~RankStream();

  [[nodiscard]] Result<void> Listen();

  /// The outlet is free: goes on. False: it is blocked again, and we still wait.
  bool Resume();

  /// The rank has ended: reads what its pipe holds, also where it cannot be passed on yet, and ends
  /// an unfinished line.
  void Complete();

  /// Every writer has closed it, and all was passed on.
  bool closed() const { return !source_ && !waiting_; }
  /// Nothing to read now, nothing held back but an unfinished line.
  bool idle() const;

 private:
  void Advance();
  size_t Read();
  void Take(std::string_view bytes);
  /// Passes whole lines off their front; what stays is unfinished, or, if false, has to wait.
  bool Pass(std::string_view& bytes);
  bool PassHeld();
  void End();
  void StandStill();
  void Ignore();
  void Close();

  EventLoop& loop_;
  Descriptor source_;
  Outlet& outlet_;
  const std::string prefix_;
  process::Tail* tail_;
  const std::function<void(std::string_view)> observer_;
  const std::function<void(RankStream*)> waits_;
  const std::span<char> scratch_;

  // Read and not passed on: lines that wait for the outlet, then one that is not finished.
  std::string held_;
  size_t begin_ = 0;
  bool waiting_ = false;  // for the outlet
  bool listening_ = false;
  bool complete_ = false;  // what is held ends here
};

}  // namespace berth::ranks
