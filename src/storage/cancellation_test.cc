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

TEST(Cancellation, PassesDownAndNotUp) {
  auto parent = Cancellation::Make();
  auto child = Cancellation::Below(&*parent);
  auto grandchild = Cancellation::Below(&*child);
  ASSERT_TRUE(parent && child && grandchild);
  child->Cancel();
  EXPECT_FALSE(parent->cancelled());
  EXPECT_TRUE(child->cancelled());
  EXPECT_TRUE(grandchild->cancelled());
  auto other = Cancellation::Below(&*parent);
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->cancelled());
  parent->Cancel();
  EXPECT_TRUE(other->cancelled());
}

}  // namespace
}  // namespace berth::storage
