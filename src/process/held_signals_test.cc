#include "process/held_signals.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "process/supervisor.h"

namespace berth::process {
namespace {

// A job hung at its end: the SIGCHLD of its script had gone to a thread of the S3 client.
TEST(HeldSignals, NoOtherThreadTakesTheNewsOfAChildsEnd) {
  const HeldSignals held;
  std::atomic<bool> over = false;
  std::thread other([&] { over.wait(false); });
  SuperviseOptions options;
  options.child_mask = held.mask_before();
  const Command command{.argv = {"true"}, .variables = CurrentVariables(), .directory = {}};
  for (int i = 0; i < 200; ++i) {
    const auto outcome = Supervise(command, options);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->code(), 0);
  }
  over = true;
  over.notify_all();
  other.join();
}

TEST(HeldSignals, ARequestToEndIsPendingForTheNextCommand) {
  const HeldSignals held;
  EXPECT_EQ(held.Pending(), 0);
  ::raise(SIGTERM);
  EXPECT_EQ(held.Pending(), SIGTERM);
  SuperviseOptions options;
  options.child_mask = held.mask_before();
  const Command command{.argv = {"sleep", "600"}, .variables = CurrentVariables(), .directory = {}};
  const auto outcome = Supervise(command, options);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code(), 128 + SIGTERM);
  EXPECT_EQ(outcome->stopped_by, StoppedBy::kSignal);
  EXPECT_EQ(held.Pending(), 0);
}

// A SIGTERM that came while a job asked `sshd -T` was taken for a fault of sshd, and lost.
TEST(HeldSignals, ARequestToEndIsNotLostWithTheHelperThatItEnded) {
  const HeldSignals held;
  ::raise(SIGTERM);
  const Command command{.argv = {"sleep", "600"}, .variables = CurrentVariables(), .directory = {}};
  const auto outcome = Capture(command, std::chrono::seconds(60));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->stopped_by, StoppedBy::kSignal);
  EXPECT_EQ(held.Pending(), SIGTERM);
  SuperviseOptions options;
  options.child_mask = held.mask_before();
  EXPECT_EQ(Supervise(command, options)->code(), 128 + SIGTERM);  // and takes it
}

}  // namespace
}  // namespace berth::process
