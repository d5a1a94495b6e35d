#include "storage/budget.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "storage/event.h"

namespace berth::storage {

struct Budget::Waiter {
  uint64_t amount;
  Event granted;
  bool done = false;
};

Lease::~Lease() {
  if (budget_ != nullptr) budget_->GiveBack(amount_);
}

Result<Lease> Budget::Take(uint64_t amount, const Cancellation* cancel) {
  amount = std::min(amount, total_);
  if (cancel != nullptr && cancel->cancelled()) return Fail("cancelled", ECANCELED);
  std::unique_lock lock(mutex_);
  if (waiting_.empty() && free_ >= amount) {
    free_ -= amount;
    return Lease(this, amount);
  }
  BERTH_ASSIGN(Event granted, Event::Make());
  Waiter waiter{amount, std::move(granted)};
  waiting_.push_back(&waiter);
  lock.unlock();
  // An hour and again: time_point::max() would overflow in the arithmetic of the wait.
  Woken woken = Woken::kDeadline;
  while (woken == Woken::kDeadline) {
    woken = waiter.granted.Wait(std::chrono::steady_clock::now() + std::chrono::hours(1), cancel);
  }
  lock.lock();
  if (waiter.done) return Lease(this, amount);
  std::erase(waiting_, &waiter);
  Serve();  // the next may need less
  return Fail("cancelled", ECANCELED);
}

void Budget::GiveBack(uint64_t amount) {
  const std::lock_guard lock(mutex_);
  free_ += amount;
  Serve();
}

void Budget::Serve() {
  while (!waiting_.empty() && free_ >= waiting_.front()->amount) {
    Waiter* const next = waiting_.front();
    waiting_.pop_front();
    free_ -= next->amount;
    next->done = true;
    next->granted.Set();  // under the lock: the waiter's frame lives until it has it
  }
}

}  // namespace berth::storage
