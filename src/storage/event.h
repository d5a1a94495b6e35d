// Waiting for another thread, for a deadline and for a cancellation at once.
#pragma once

#include <chrono>

#include "core/descriptor.h"
#include "core/error.h"
#include "storage/cancellation.h"

namespace berth::storage {

enum class Woken { kSet, kDeadline, kCancelled };

/// Set once, by one thread, and waited for by another.
class Event {
 public:
  [[nodiscard]] static Result<Event> Make();

  void Set() const;
  /// `cancel` may be null. What has happened first in this order: set, cancelled, deadline.
  Woken Wait(std::chrono::steady_clock::time_point deadline, const Cancellation* cancel) const;

 private:
  explicit Event(Descriptor event) : event_(std::move(event)) {}
  Descriptor event_;
};

}  // namespace berth::storage
