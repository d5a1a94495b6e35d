#include "usercode/stop_relay.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace berth::usercode {
namespace {

constexpr std::chrono::seconds kLong{60};

TEST(StopRelay, ASignalCancelsAndStaysPendingUntilItIsTaken) {
  const process::HeldSignals held;
  const auto relay = StopRelay::Start(held, std::chrono::milliseconds::zero()).value();
  EXPECT_FALSE(relay->cancellation().cancelled());
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  EXPECT_TRUE(relay->cancellation().WaitFor(kLong));
  EXPECT_EQ(held.Pending(), SIGTERM);
  TakePending(held);
  EXPECT_EQ(held.Pending(), 0);
}

TEST(StopRelay, SigtermLeavesTimeAndAnInterruptDoesNot) {
  const process::HeldSignals held;
  const auto relay = StopRelay::Start(held, std::chrono::hours(1)).value();
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  EXPECT_FALSE(relay->cancellation().WaitFor(std::chrono::milliseconds(20)));
  TakePending(held);
  ASSERT_EQ(::kill(::getpid(), SIGINT), 0);
  const auto other = StopRelay::Start(held, std::chrono::hours(1)).value();
  EXPECT_TRUE(other->cancellation().WaitFor(kLong));
  TakePending(held);
}

TEST(StopRelay, EndsWithoutASignal) {
  const process::HeldSignals held;
  EXPECT_FALSE(StopRelay::Start(held, kLong).value()->cancellation().cancelled());
}

}  // namespace
}  // namespace berth::usercode
