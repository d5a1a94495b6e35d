#include "storage/cancellation.h"

#include <gtest/gtest.h>

#include <thread>

namespace berth::storage {
namespace {

TEST(Cancellation, WakesAWaiterAndStays) {
  auto cancel = Cancellation::Make();
  ASSERT_TRUE(cancel);
  EXPECT_FALSE(cancel->cancelled());
  EXPECT_FALSE(cancel->WaitFor(std::chrono::milliseconds(1)));
  std::thread other([&] { cancel->Cancel(); });
  EXPECT_TRUE(cancel->WaitFor(std::chrono::hours(1)));
  other.join();
  EXPECT_TRUE(cancel->cancelled());
  EXPECT_TRUE(cancel->cancelled());
}

}  // namespace
}  // namespace berth::storage
