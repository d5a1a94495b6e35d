#include "storage/piece_cache.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "storage/runtime.h"

namespace berth::storage {
namespace {

/// What an entry costs beside its bytes: a million of empty pieces must not be free.
constexpr uint64_t kEntryCost = 512;
/// Fetchers that only work for who waits.
constexpr size_t kForWaiting = 2;

}  // namespace

PieceCache::PieceCache(Options options, Fetch fetch)
    : options_(options), fetch_(std::move(fetch)) {}

Result<std::unique_ptr<PieceCache>> PieceCache::Start(Options options, Fetch fetch) {
  std::unique_ptr<PieceCache> cache(new PieceCache(options, std::move(fetch)));
  const SignalsBlocked blocked;
  try {
    for (size_t i = 0; i < options.fetchers; ++i) {
      cache->threads_.emplace_back([self = cache.get()] { self->Work(); });
    }
  } catch (const std::system_error& error) {
    if (cache->threads_.size() <= kForWaiting) {
      return Fail(Error::System(error.code().value(), "cannot start a thread"));
    }
  }
  return cache;
}

PieceCache::~PieceCache() {
  std::vector<Then> waiting;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [key, entry] : entries_) {
      std::move(entry.waiting.begin(), entry.waiting.end(), std::back_inserter(waiting));
      entry.waiting.clear();
    }
  }
  changed_.notify_all();
  const Result<PiecePtr> ended = Fail("the cache ends", ECANCELED);
  for (const Then& then : waiting) then(ended);
  for (std::thread& thread : threads_) thread.join();
}

void PieceCache::Get(PieceKey key, size_t size, Then then) {
  Result<PiecePtr> there = PiecePtr();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      there = Fail("the cache ends", ECANCELED);
    } else {
      const auto failed = entries_.find(key);
      if (failed != entries_.end() && failed->second.failure &&
          std::chrono::steady_clock::now() - failed->second.failed >= options_.failure_kept) {
        Drop(key);
      }
      Entry& entry = entries_[key];
      if (entry.failure) {
        there = Fail(*entry.failure);
      } else if (entry.piece == nullptr) {
        entry.size = size;
        entry.waiting.push_back(std::move(then));
        if (!entry.fetching && !std::exchange(entry.waited_for, true)) {
          wanted_.push_back(key);
          changed_.notify_one();
        }
        return;
      } else {
        ages_.splice(ages_.end(), ages_, entry.age);
        there = entry.piece;
      }
    }
  }
  then(there);
}

void PieceCache::Expect(PieceKey key, size_t size) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || expecting_ + size > options_.memory / 2) return;
  const auto [entry, made] = entries_.try_emplace(key);
  if (!made) return;
  entry->second.size = size;
  expecting_ += size;
  expected_.push_back({key, size});
  changed_.notify_one();
}

bool PieceCache::IsWanting(const Entry& entry) {
  return !entry.fetching && entry.piece == nullptr && !entry.failure;
}

bool PieceCache::Next(PieceKey& key, bool& expected) {
  expected = false;
  while (!wanted_.empty()) {
    key = wanted_.front();
    wanted_.pop_front();
    const auto entry = entries_.find(key);
    if (entry != entries_.end() && IsWanting(entry->second)) {
      return true;
    }
  }
  expected = true;
  while (!expected_.empty() && fetching_expected_ + kForWaiting < threads_.size()) {
    key = expected_.front().key;
    expecting_ -= expected_.front().size;
    expected_.pop_front();
    // It may have been asked for meanwhile, and even have left again.
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) continue;
    if (IsWanting(entry->second)) return true;
  }
  return false;
}

void PieceCache::MakeRoom(uint64_t bytes) {
  while (held_ + bytes > options_.memory && !ages_.empty()) {
    Drop(ages_.front());
  }
  held_ += bytes;
}

void PieceCache::Drop(PieceKey key) {
  const auto entry = entries_.find(key);
  held_ -= (entry->second.piece != nullptr ? entry->second.size : 0) + kEntryCost;
  ages_.erase(entry->second.age);
  entries_.erase(entry);
}

void PieceCache::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    PieceKey key;
    bool expected = false;
    changed_.wait(lock, [&] { return stopping_ || Next(key, expected); });
    if (stopping_) return;
    Entry& entry = entries_[key];
    entry.fetching = true;
    const size_t size = entry.size;
    MakeRoom(size + kEntryCost);
    if (expected) ++fetching_expected_;
    lock.unlock();

    Result<PiecePtr> result = PiecePtr();
    try {
      auto piece = std::make_shared<Piece>();
      piece->data = std::make_unique_for_overwrite<char[]>(size);
      piece->size = size;
      if (auto fetched = fetch_(key, {piece->data.get(), size}); fetched) {
        result = std::move(piece);
      } else {
        result = Fail(std::move(fetched).error());
      }
    } catch (const std::bad_alloc&) {
      result = Fail("there is no memory for a piece of an object", ENOMEM);
    }
    lock.lock();
    if (expected) {
      --fetching_expected_;
      changed_.notify_one();
    }
    lock.unlock();
    Settle(key, std::move(result));
    lock.lock();
  }
}

void PieceCache::Settle(PieceKey key, Result<PiecePtr> result) {
  std::vector<Then> waiting;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    waiting = std::move(entry->second.waiting);
    entry->second.waiting = {};
    entry->second.fetching = false;
    entry->second.age = ages_.insert(ages_.end(), key);
    if (result) {
      entry->second.piece = *result;
    } else {
      entry->second.failure = result.error();
      entry->second.failed = std::chrono::steady_clock::now();
      held_ -= entry->second.size;
    }
  }
  for (const Then& then : waiting) then(result);
}

}  // namespace berth::storage
