// The signals that ask us to stop the job, as readable events.
#pragma once

#include <csignal>
#include <optional>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::platform {

/// While it lives, SIGINT, SIGTERM, SIGHUP and SIGQUIT are blocked and can be read here (those
/// that our caller had us ignore, as nohup does, stay ignored), and SIGPIPE is ignored. One at a
/// time, one thread.
class StopSignals {
 public:
  [[nodiscard]] static Result<StopSignals> Take();
  StopSignals(StopSignals&& other) noexcept;
  StopSignals& operator=(StopSignals&&) = delete;
  /// Puts everything back. Signals not read by then are dropped.
  ~StopSignals();

  int fd() const { return fd_.get(); }
  /// The next signal, if there is one.
  std::optional<int> Read();

 private:
  StopSignals() = default;

  Descriptor fd_;
  sigset_t old_mask_{};
  struct sigaction old_pipe_{};
};

}  // namespace berth::platform
