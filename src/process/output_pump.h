// Carries one stream of the command to where it goes, byte for byte, in constant memory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/descriptor.h"
#include "process/sink.h"
#include "process/tail.h"

namespace berth::process {

/// From a pipe that the command writes to a sink. Never waits: Advance() moves what can be moved
/// now. Nothing is held back for more to come, so a prompt without a newline appears at once.
/// While the sink takes nothing, nothing is read: the command feels its reader's pace, as it would
/// without us.
class OutputPump {
 public:
  using Observer = std::function<void(std::string_view)>;

  /// `source` must be non-blocking.
  OutputPump(Descriptor source, int sink_fd, size_t tail_bytes, Observer observer);

  void Advance();

  /// No more bytes come: every writer has closed the pipe.
  bool ended() const { return !source_; }
  /// All that was written up to now has been passed on.
  bool idle() const { return filled_ == 0 && empty_; }
  /// Bytes wait for the sink.
  bool blocked() const { return filled_ > 0; }

  int source_fd() const { return source_.get(); }
  int sink_fd() const { return sink_.fd(); }
  bool lost() const { return sink_.lost() || lost_; }
  std::string TailText() const { return tail_.Text(); }

  /// Gives up the sink: what is left in the pipe goes into the tail only.
  void Abandon();

 private:
  bool Fill();
  bool Flush();
  void Consume(size_t size);

  Descriptor source_;
  Sink sink_;
  Tail tail_;
  Observer observer_;
  std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0;    // first byte not yet passed on
  size_t filled_ = 0;   // how many follow
  bool empty_ = false;  // the last read found nothing
  bool abandoned_ = false;
  bool lost_ = false;  // bytes came after the sink was given up
};

/// What an unprivileged process may ask a pipe to hold. A small one would have the command and us
/// wait for each other every 64 KiB.
inline constexpr int kOutputPipe = 1 << 20;

/// A pipe for a command's output: as large as that, its read end non-blocking.
[[nodiscard]] Result<Pipe> MakeOutputPipe(int bytes = kOutputPipe);

}  // namespace berth::process
