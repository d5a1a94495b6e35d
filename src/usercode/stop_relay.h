// A request to stop the job reaches work that waits for a Cancellation.
#pragma once

#include <chrono>
#include <memory>
#include <thread>

#include "core/error.h"
#include "process/held_signals.h"
#include "storage/cancellation.h"

namespace berth::usercode {

/// While it lives, a held signal that ends a command cancels: SIGTERM after `patience` (the
/// platform leaves time to finish), others, which people send, at once. The signal stays pending.
class StopRelay {
 public:
  /// `held` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<StopRelay>> Start(const process::HeldSignals& held,
                                                                std::chrono::milliseconds patience);
  ~StopRelay();
  StopRelay(const StopRelay&) = delete;
  StopRelay& operator=(const StopRelay&) = delete;

  const storage::Cancellation& cancellation() const { return cancellation_; }

 private:
  StopRelay(storage::Cancellation cancellation, storage::Cancellation end)
      : cancellation_(std::move(cancellation)), end_(std::move(end)) {}
  void Wait(const process::HeldSignals& held, std::chrono::milliseconds patience) const;

  const storage::Cancellation cancellation_;
  const storage::Cancellation end_;  // of the thread
  std::thread thread_;
};

/// Takes the requests to stop that nobody supervised. Left pending they would end us when they are
/// no longer held, whatever the exit code.
void TakePending(const process::HeldSignals& held);

}  // namespace berth::usercode
