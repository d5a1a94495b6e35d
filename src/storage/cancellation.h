// Asking work of other threads to stop.
#pragma once

#include <chrono>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::storage {

/// One request to stop, seen by every operation that was given it. It cannot be taken back.
///
/// Operations end within a second of Cancel() and leave nothing half done behind: no temporary
/// file, no unfinished multipart upload that they could still reach S3 to abort.
class Cancellation {
 public:
  /// Fails where the process has no descriptor left.
  [[nodiscard]] static Result<Cancellation> Make();

  /// One of its own that `parent` (may be null, else outlives it) cancels too; not the other way.
  [[nodiscard]] static Result<Cancellation> Below(const Cancellation* parent);

  /// From any thread, any number of times, and from a signal handler.
  void Cancel() const;

  bool cancelled() const;

  /// Readable from Cancel() on. For poll(); never read from it.
  int descriptor() const { return either_ ? either_.get() : event_.get(); }

  /// Waits until Cancel() or `time` has passed. True if cancelled.
  bool WaitFor(std::chrono::nanoseconds time) const;

 private:
  explicit Cancellation(Descriptor event) : event_(std::move(event)) {}
  Descriptor event_;
  Descriptor either_;  // an epoll of event_ and the parent's descriptor, where there is a parent
};

}  // namespace berth::storage
