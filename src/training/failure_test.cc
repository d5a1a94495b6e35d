#include "training/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace berth::training {
namespace {

using testing::EndsWith;
using testing::StartsWith;

constexpr char kOneTraceback[] =
    "epoch 1\n"
    "Traceback (most recent call last):\n"
    "  File \"train.py\", line 3, in <module>\n"
    "    raise ValueError(\"bad learning rate\")\n"
    "ValueError: bad learning rate\n";

// What pushed the reason out of FailureReason.
TEST(MostTelling, ALongLineDoesNotHideTheReasonBehindIt) {
  const std::string bar(20'000, '#');
  EXPECT_THAT(MostTelling(bar + "\nRuntimeError: end\n"),
              testing::AllOf(EndsWith("\nRuntimeError: end"), testing::SizeIs(testing::Lt(400))));
  // A long one that is the last stays, from the beginning of a character.
  std::string blocks;
  for (int i = 0; i < 10'000; ++i) blocks += "\u2588";
  const std::string told = MostTelling(blocks);
  EXPECT_THAT(told, StartsWith("\u2588"));
  EXPECT_GT(told.size(), 8'000);
}

TEST(MpiAbortCode, IsInMpichsLine) {
  const std::string line =
      "Abort(5) on node 3 (rank 3 in comm 0): application called MPI_Abort(comm=0x84000000, 5)\n";
  EXPECT_EQ(MpiAbortCode("step 1\n" + line + "[cli_3]: readline failed\n"), 5);
  EXPECT_EQ(MpiAbortCode(line + "1\n2\n3\n4\n5\n"), std::nullopt);
  // What others make of it.
  EXPECT_EQ(MpiAbortCode("Abort(1009371407) on node 0: Fatal error in internal_Barrier\n"),
            std::nullopt);
  EXPECT_EQ(MpiAbortCode("Abort(x): application called MPI_Abort\n"), std::nullopt);
  EXPECT_EQ(MpiAbortCode(""), std::nullopt);
}

TEST(EndsInTraceback, WhereNothingOrLittleFollows) {
  const std::string traceback =
      "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    f()\nValueError: x\n";
  EXPECT_TRUE(EndsInTraceback(traceback));
  EXPECT_TRUE(EndsInTraceback(traceback + "\nAbort(1) on node 1\n"));
  EXPECT_FALSE(EndsInTraceback(traceback + "\nstep 1\nstep 2\nstep 3\nstep 4\nstep 5\nstep 6\n"));
  EXPECT_FALSE(EndsInTraceback("step 1\n"));
  EXPECT_FALSE(EndsInTraceback(""));
}

TEST(Failure, TheExceptionLeadsTheTraceback) {
  EXPECT_EQ(MostTelling(kOneTraceback),
            "ValueError: bad learning rate\n"
            "Traceback (most recent call last):\n"
            "  File \"train.py\", line 3, in <module>\n"
            "    raise ValueError(\"bad learning rate\")");
}

TEST(Failure, OfChainedExceptionsTheLastLeads) {
  const std::string chained = std::string(
                                  "Traceback (most recent call last):\n"
                                  "  File \"a.py\", line 1, in f\n"
                                  "KeyError: 'x'\n\n"
                                  "During handling of the above exception, another "
                                  "exception occurred:\n\n") +
                              (kOneTraceback + sizeof("epoch 1\n") - 1);
  EXPECT_THAT(MostTelling(chained), StartsWith("ValueError: bad learning rate\nTraceback"));
}

TEST(Failure, AMessageOfSeveralLinesStaysWhole) {
  EXPECT_THAT(MostTelling("Traceback (most recent call last):\n"
                          "  File \"a.py\", line 1, in f\n"
                          "RuntimeError: first\n  indented\nlast\n\nbye\n"),
              StartsWith("RuntimeError: first\n  indented\nlast\nTraceback"));
}

TEST(Failure, ATracebackCutAtItsStartStillTellsItsEnd) {
  EXPECT_EQ(
      MostTelling("e 3, in f\n    f()\n  File \"a.py\", line 3, in f\n    f()\nValueError: x\n"),
      "ValueError: x\n    f()\n  File \"a.py\", line 3, in f\n    f()");
}

TEST(Failure, ATracebackThatPipIndentedIsFound) {
  EXPECT_EQ(MostTelling("  error: subprocess-exited-with-error\n"
                        "      Traceback (most recent call last):\n"
                        "        File \"setup.py\", line 1, in <module>\n"
                        "          raise Exception('brk')\n"
                        "          ^^^^^^^^^^^^^^^^^^^^^^\n"
                        "      Exception: brk\n"
                        "      [end of output]\n"
                        "  note: This error originates from a subprocess\n"),
            "Exception: brk\n"
            "Traceback (most recent call last):\n"
            "  File \"setup.py\", line 1, in <module>\n"
            "    raise Exception('brk')\n"
            "    ^^^^^^^^^^^^^^^^^^^^^^");
}

TEST(Failure, WithoutATracebackTheLastLinesAreTold) {
  std::string log;
  for (int i = 0; i < 100; ++i) log += "line " + std::to_string(i) + "\n";
  EXPECT_THAT(MostTelling(log), StartsWith("line 80\n"));
  EXPECT_THAT(MostTelling(log), EndsWith("\nline 99"));
}

TEST(Failure, ColoursAndProgressBarsAreTakenOut) {
  EXPECT_EQ(MostTelling(" 10%\r 20%\r\x1b[31mfatal: no data\x1b[0m\r\n"), "fatal: no data");
}

TEST(Failure, TheReportHasTheShapeOfTheContract) {
  EXPECT_EQ(FailureText({.type = "ExecuteUserScriptError",
                         .exit_code = 1,
                         .message = "ValueError: x",
                         .command = {"python3", "train.py", "--lr", "a b"}},
                        {}),
            "ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"ValueError: x\"\n"
            "Command \"python3 train.py --lr 'a b'\"");
}

TEST(Failure, ALongMessageIsCutAndTheCommandStays) {
  const std::string text = FailureText({.type = "ClientError",
                                        .exit_code = 1,
                                        .message = std::string(1 << 20, 'x'),
                                        .command = {"./run.sh"}},
                                       {});
  EXPECT_EQ(text.size(), kFailureLimit);
  EXPECT_THAT(text, EndsWith("x\"\nCommand \"./run.sh\""));
}

TEST(Failure, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(
      FailureText({.type = "ClientError", .exit_code = 1, .message = "\xff", .command = {}}, {}),
      "ClientError:\nExitCode 1\nErrorMessage \"\xEF\xBF\xBD\"");
}

TEST(Failure, ASecretThatTheScriptPrintedIsMasked) {
  Secrets secrets;
  secrets.Learn("SM_HP_API_KEY", "hunter2!");
  EXPECT_EQ(
      FailureText({.type = {}, .exit_code = 1, .message = "KeyError: hunter2!", .command = {}},
                  secrets),
      "KeyError: ******");
}

TEST(Failure, OutOfMemoryAndSignalsAreSaid) {
  process::Outcome outcome;
  outcome.signal = SIGKILL;
  outcome.out_of_memory = true;
  EXPECT_THAT(FailureMessage(outcome), StartsWith("the kernel killed the script because"));
  outcome.out_of_memory = false;
  EXPECT_EQ(FailureMessage(outcome), "the script was killed by signal 9 (Killed)");
  outcome.signal = SIGTERM;
  outcome.stopped_by = process::StoppedBy::kSignal;
  outcome.stop_signal = SIGTERM;
  outcome.error_tail = "saving\n";
  EXPECT_EQ(FailureMessage(outcome), "stopped by Terminated\nsaving");
}

}  // namespace
}  // namespace berth::training
