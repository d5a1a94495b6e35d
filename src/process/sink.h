// Where a command's output goes: our own stdout or stderr, written without ever waiting for it.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/descriptor.h"

namespace berth::process {

/// Writes to a descriptor that others share and that usually blocks. O_NONBLOCK belongs to the
/// open file description, which the shell and its other children hold as well, so it is never set
/// there. Instead a pipe or terminal is opened once more through /proc/self/fd, which gives a
/// description of our own; a socket is sent to with MSG_DONTWAIT; and where neither works, a write
/// follows a poll() and is so small that a pipe with any room takes it whole.
///
/// A reader that went away (EPIPE, a terminal that hung up) makes the sink swallow all that
/// follows: the command goes on. SIGPIPE and SIGXFSZ must be blocked or ignored by the caller.
class Sink {
 public:
  /// `fd` stays the caller's; -1 swallows everything.
  explicit Sink(int fd);

  /// How many of the bytes were taken: 0 where it would have to wait (then poll fd() for POLLOUT).
  /// Bytes that can never be written count as taken, and lost() says so from then on.
  size_t Write(std::string_view bytes);

  /// What to poll for POLLOUT.
  int fd() const { return own_ ? own_.get() : fd_; }
  bool lost() const { return lost_; }

 private:
  enum class Way {
    kSwallow,      // nobody reads
    kDirect,       // a file: write() never waits for a reader
    kNonBlocking,  // a description with O_NONBLOCK
    kSocket,       // MSG_DONTWAIT
    kPolled,       // a blocking description: poll(), then a small write
  };

  Way way_ = Way::kSwallow;
  int fd_;
  Descriptor own_;
  bool lost_ = false;
};

/// Whether the two are the same file, pipe or terminal.
bool SameFile(int a, int b);

}  // namespace berth::process
