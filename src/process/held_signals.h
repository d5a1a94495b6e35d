// Requests to end that arrive while nothing is supervised are kept, not lost.
//
// PID 1 gets no signal it has no handler for: a SIGTERM between two commands of a job would
// vanish. While a HeldSignals lives, the signals that Supervise() forwards stay pending, and the
// next Supervise() sees them at once.
#pragma once

#include <csignal>

#include "core/descriptor.h"

namespace berth::process {

/// SIGCHLD is held as well: a thread that starts while this lives inherits the mask, and cannot
/// take the news of a child's end from the supervisor. (The kernel would hand it to any thread that
/// does not block it, and there it is ignored: Supervise() would wait for ever.)
///
/// Make it in the main thread before any other thread starts. One at a time.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  /// The mask before this was made: what children of Supervise() get
  /// (SuperviseOptions::child_mask).
  const sigset_t& mask_before() const { return before_; }

  /// Readable while a signal that ends a command (IsStopSignal()) is pending; only to be polled,
  /// never read. -1 where the kernel gives none.
  int descriptor() const { return descriptor_.get(); }

  /// The pending signal that ends a command, 0 where there is none.
  int Pending() const;

 private:
  sigset_t before_{};
  sigset_t ending_{};
  Descriptor descriptor_;
};

}  // namespace berth::process
