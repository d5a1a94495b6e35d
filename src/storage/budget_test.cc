#include "storage/budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

namespace berth::storage {
namespace {

TEST(Budget, NeverLendsMoreThanItHas) {
  Budget budget(10);
  std::atomic<int> out = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, amount = 1 + i % 4] {
      for (int round = 0; round < 200; ++round) {
        const auto lease = budget.Take(static_cast<uint64_t>(amount), nullptr);
        const int now = out += amount;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        out -= amount;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 10);
  EXPECT_TRUE(budget.Take(10, nullptr));
}

TEST(Budget, MoreThanAllOfItIsAllOfIt) {
  Budget budget(10);
  EXPECT_TRUE(budget.Take(1000, nullptr));
}

TEST(Budget, CancellationEndsTheWaitAndLetsOthersPass) {
  Budget budget(10);
  auto cancel = Cancellation::Make();
  ASSERT_TRUE(cancel);
  auto held = budget.Take(6, nullptr);
  std::thread other([&] {
    const auto lease = budget.Take(10, &*cancel);
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().system_error(), ECANCELED);
  });
  cancel->Cancel();
  other.join();
  EXPECT_TRUE(budget.Take(4, nullptr));
}

}  // namespace
}  // namespace berth::storage
