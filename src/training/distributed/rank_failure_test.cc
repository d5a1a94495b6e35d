#include "training/distributed/rank_failure.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

namespace berth::training {
namespace {

using std::chrono::milliseconds;

/// A rank that wrote `said` and ended `later`.
ranks::RankEnd End(const std::string& said, milliseconds later, int code, int signal) {
  ranks::RankEnd end;
  end.exit_code = code;
  end.signal = signal;
  end.error_tail = said;
  end.at = EventLoop::Clock::now();
  end.last_error_output = end.at - later;
  return end;
}

constexpr char kTraceback[] =
    "Traceback (most recent call last):\n"
    "  File \"train.py\", line 3, in <module>\n"
    "ValueError: bad learning rate\n";

TEST(FailedAt, IsWhenTheRankSaidIt) {
  const auto explained = End(kTraceback, milliseconds(4'000), 1, 0);
  EXPECT_EQ(FailedAt(explained), explained.last_error_output);
  const auto soon = End("cannot go on\n", milliseconds(20), 1, 0);
  EXPECT_EQ(FailedAt(soon), soon.last_error_output);
  const auto long_before = End("step 7\n", milliseconds(200), 1, 0);
  EXPECT_EQ(FailedAt(long_before), long_before.at);
}

// It was taken for the culprit of what a launcher did to all ranks: it had said something just
// before.
TEST(FailedAt, OfAKilledRankIsItsEnd) {
  const auto killed = End("ready\n", milliseconds(20), 0, SIGKILL);
  EXPECT_EQ(FailedAt(killed), killed.at);
  // But MPICH's launcher kills the rank that asked for the end of all, too.
  const auto asked = End(
      "Abort(5) on node 3 (rank 3 in comm 0): application called MPI_Abort(comm=0x84000000, 5)\n",
      milliseconds(200), 0, SIGKILL);
  EXPECT_EQ(FailedAt(asked), asked.last_error_output);
}

TEST(CauseOf, TellsWhatCameOfOthers) {
  auto end = End("", milliseconds(0), 1, 0);
  EXPECT_EQ(CauseOf(end, false, true), Cause::kOwn);
  end.signal = SIGTERM;
  EXPECT_EQ(CauseOf(end, false, true), Cause::kEnded);
  end.signal = SIGKILL;
  EXPECT_EQ(CauseOf(end, false, true), Cause::kKilled);
  end.wrapper_killed = true;
  EXPECT_EQ(CauseOf(end, false, true), Cause::kDoubtful);
  EXPECT_EQ(CauseOf(end, true, true), Cause::kEnded);
  end.error_tail = kTraceback;
  EXPECT_EQ(CauseOf(end, true, true), Cause::kOwn);
  end = End("", milliseconds(0), 0, SIGKILL);
  end.forsaken_by = "orted";
  EXPECT_EQ(CauseOf(end, false, false), Cause::kOwn);
  EXPECT_EQ(CauseOf(end, false, true), Cause::kDoubtful);
  EXPECT_EQ(CauseOf(end, true, true), Cause::kEnded);
}

TEST(EndingOf, LeadsWithWhatTheScriptWroteDownForItsLauncher) {
  auto end = End("step 7\n", milliseconds(0), 3, 0);
  end.reported = "ValueError: bad learning rate";
  const Ending ending = EndingOf(end, Secrets());
  EXPECT_EQ(ending.code, 3);
  EXPECT_TRUE(ending.text.starts_with("ValueError: bad learning rate")) << ending.text;
}

}  // namespace
}  // namespace berth::training
