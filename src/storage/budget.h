// A bounded amount of something, memory here, that many threads share.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "storage/cancellation.h"

namespace berth::storage {

class Budget;

/// A share of a Budget, given back when this goes.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), amount_(other.amount_) {}
  Lease& operator=(Lease&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(amount_, other.amount_);
    return *this;
  }
  ~Lease();

 private:
  friend class Budget;
  Lease(Budget* budget, uint64_t amount) : budget_(budget), amount_(amount) {}
  Budget* budget_ = nullptr;
  uint64_t amount_ = 0;
};

/// First come, first served, so that a big request is not passed by small ones for ever.
class Budget {
 public:
  explicit Budget(uint64_t total) : total_(total), free_(total) {}

  /// Blocks until there is so much. More than all of it waits for all of it. Fails, with
  /// ECANCELED, where `cancel` (may be null) is set. No deadline: holders have theirs.
  [[nodiscard]] Result<Lease> Take(uint64_t amount, const Cancellation* cancel);

 private:
  friend class Lease;
  struct Waiter;
  void GiveBack(uint64_t amount);
  void Serve();  // under mutex_

  const uint64_t total_;
  std::mutex mutex_;
  uint64_t free_;
  std::deque<Waiter*> waiting_;
};

}  // namespace berth::storage
