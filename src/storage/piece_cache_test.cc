#include "storage/piece_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <map>
#include <string>

namespace berth::storage {
namespace {

using Answer = std::promise<Result<std::string>>;

/// Counts what is fetched; holds fetches back while `gate` is locked.
struct Source {
  std::mutex gate;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::pair<uint32_t, uint32_t>, int> fetched;
  int begun = 0;
  int failures_left = 0;

  Result<void> Fetch(PieceKey key, std::span<char> buffer) {
    {
      const std::lock_guard lock(mutex);
      ++begun;
    }
    changed.notify_all();
    const std::lock_guard held(gate);
    const std::lock_guard lock(mutex);
    ++fetched[{key.object, key.piece}];
    if (failures_left > 0) {
      --failures_left;
      return Fail("no luck", EIO);
    }
    std::fill(buffer.begin(), buffer.end(), static_cast<char>('a' + key.piece));
    return {};
  }

  int Count(uint32_t object, uint32_t piece) {
    const std::lock_guard lock(mutex);
    return fetched[{object, piece}];
  }

  void WaitForBegun(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return begun >= count; });
  }
};

struct Cached {
  explicit Cached(uint64_t memory, size_t fetchers = 4, std::chrono::milliseconds kept = {}) {
    auto started = PieceCache::Start(
        {.memory = memory, .fetchers = fetchers, .failure_kept = kept},
        [this](PieceKey key, std::span<char> buffer) { return source.Fetch(key, buffer); });
    cache = *std::move(started);
  }

  std::future<Result<std::string>> Ask(PieceKey key, size_t size) {
    auto answer = std::make_shared<Answer>();
    cache->Get(key, size, [answer](const Result<PiecePtr>& piece) {
      if (piece) {
        answer->set_value(std::string((*piece)->data.get(), (*piece)->size));
      } else {
        answer->set_value(Fail(piece.error()));
      }
    });
    return answer->get_future();
  }

  std::string Read(PieceKey key, size_t size) {
    const auto read = Ask(key, size).get();
    return read ? *read : read.error().message();
  }

  Source source;
  std::unique_ptr<PieceCache> cache;
};

TEST(PieceCache, FetchesAPieceOnce) {
  Cached cached(1 << 20);
  EXPECT_EQ(cached.Read({1, 2}, 4), "cccc");
  EXPECT_EQ(cached.Read({1, 2}, 4), "cccc");
  EXPECT_EQ(cached.source.Count(1, 2), 1);
}

TEST(PieceCache, FetchesOnceForAllWhoWait) {
  Cached cached(1 << 20);
  std::vector<std::future<Result<std::string>>> answers;
  {
    const std::lock_guard closed(cached.source.gate);
    for (int i = 0; i < 10; ++i) answers.push_back(cached.Ask({0, 0}, 3));
  }
  for (auto& answer : answers) EXPECT_EQ(*answer.get(), "aaa");
  EXPECT_EQ(cached.source.Count(0, 0), 1);
}

TEST(PieceCache, ForgetsWhatWasNotUsedForLongest) {
  Cached cached(4000);  // three pieces with what an entry costs
  for (const uint32_t piece : {0, 1, 2}) cached.Read({0, piece}, 600);
  cached.Read({0, 0}, 600);
  cached.Read({0, 3}, 600);  // pushes 1 out
  cached.Read({0, 0}, 600);
  cached.Read({0, 1}, 600);
  EXPECT_EQ(cached.source.Count(0, 0), 1);
  EXPECT_EQ(cached.source.Count(0, 1), 2);
}

TEST(PieceCache, GivesAPieceLargerThanItself) {
  Cached cached(100);
  EXPECT_EQ(cached.Read({0, 0}, 5000).size(), 5000u);
  EXPECT_EQ(cached.Read({0, 1}, 5000).size(), 5000u);
}

TEST(PieceCache, TellsAFailureAndTriesAgainWhenAskedAgain) {
  Cached cached(1 << 20);
  cached.source.failures_left = 1;
  EXPECT_EQ(cached.Read({0, 0}, 3), "no luck");
  EXPECT_EQ(cached.Read({0, 0}, 3), "aaa");
}

TEST(PieceCache, KeepsAFailureForWhoeverAsksAtOnce) {
  Cached cached(1 << 20, 4, std::chrono::hours(1));
  cached.source.failures_left = 1;
  EXPECT_EQ(cached.Read({0, 0}, 3), "no luck");
  EXPECT_EQ(cached.Read({0, 0}, 3), "no luck");
  EXPECT_EQ(cached.source.Count(0, 0), 1);
  EXPECT_EQ(cached.Read({0, 1}, 3), "bbb");
}

TEST(PieceCache, FetchesWhatIsExpected) {
  Cached cached(1 << 20);
  cached.cache->Expect({0, 1}, 3);
  cached.source.WaitForBegun(1);
  EXPECT_EQ(cached.Read({0, 1}, 3), "bbb");
  EXPECT_EQ(cached.source.Count(0, 1), 1);
}

TEST(PieceCache, ExpectsNoMoreThanHalfOfItsMemory) {
  Cached cached(1000, 3);
  {
    const std::lock_guard closed(cached.source.gate);
    // The one fetcher for what is expected takes the first; a second waits in the queue.
    cached.cache->Expect({0, 0}, 400);
    cached.source.WaitForBegun(1);
    cached.cache->Expect({0, 1}, 400);
    cached.cache->Expect({0, 2}, 400);
  }
  EXPECT_EQ(cached.Read({0, 0}, 400).size(), 400u);
  EXPECT_EQ(cached.Read({0, 1}, 400).size(), 400u);
  EXPECT_EQ(cached.source.Count(0, 2), 0);
}

TEST(PieceCache, ServesWhoWaitsWhileMuchIsExpected) {
  Cached cached(1 << 20, 3);
  cached.source.gate.lock();
  for (uint32_t piece = 1; piece < 20; ++piece) cached.cache->Expect({0, piece}, 10);
  auto answer = cached.Ask({7, 0}, 1);
  // The one fetcher for what is expected, and one for who waits.
  cached.source.WaitForBegun(2);
  cached.source.gate.unlock();
  EXPECT_EQ(*answer.get(), "a");
}

TEST(PieceCache, CallsBackWhoeverWaitsAtItsEnd) {
  Cached cached(1 << 20, 3);
  std::vector<std::future<Result<std::string>>> answers;
  std::thread end;
  cached.source.gate.lock();
  for (uint32_t piece = 0; piece < 8; ++piece) answers.push_back(cached.Ask({0, piece}, 1));
  cached.source.WaitForBegun(3);
  end = std::thread([&] { cached.cache.reset(); });
  for (auto& answer : answers) {
    const auto result = answer.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().system_error(), ECANCELED);
  }
  cached.source.gate.unlock();
  end.join();
}

}  // namespace
}  // namespace berth::storage
