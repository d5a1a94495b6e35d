// How a command ends, and what it leaves behind.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <filesystem>
#include <string>

#include "core/files.h"
#include "process/supervisor.h"
#include "process/testing/run.h"

namespace berth::process {
namespace {

using std::chrono::milliseconds;
using testing::InFork;
using testing::RunShell;
using testing::WhenReady;

TEST(Ending, PassesOnAll256ExitCodes) {
  for (int code = 0; code < 256; ++code) {
    const auto ran = RunShell("exit " + std::to_string(code));
    EXPECT_EQ(ran.outcome.code(), code);
    EXPECT_EQ(ran.outcome.signal, 0);
    EXPECT_FALSE(ran.outcome.out_of_memory);
  }
}

TEST(Ending, TellsEverySignalThatKilledTheCommand) {
  const rlimit no_core{};
  ASSERT_EQ(::setrlimit(RLIMIT_CORE, &no_core), 0);
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    const bool harmless = signal == SIGCHLD || signal == SIGCONT || signal == SIGURG ||
                          signal == SIGWINCH || signal == SIGSTOP || signal == SIGTSTP ||
                          signal == SIGTTIN || signal == SIGTTOU;
    if (harmless || (signal > 31 && signal < SIGRTMIN)) continue;
    const auto ran = RunShell("kill -" + std::to_string(signal) + " $$; sleep 60");
    EXPECT_EQ(ran.outcome.signal, signal);
    EXPECT_EQ(ran.outcome.code(), 128 + signal);
    EXPECT_EQ(ran.outcome.stopped_by, StoppedBy::kNobody);
    EXPECT_FALSE(ran.outcome.killed_after_grace);
  }
}

TEST(Ending, ProcessesLeftBehindAreEndedEvenInSessionsOfTheirOwn) {
  const auto folder = TemporaryDirectory::Make("berth-test");
  ASSERT_TRUE(folder);
  const std::string file = folder->path() / "pid";
  // A daemon, forked twice, that holds our pipes.
  const auto ran =
      RunShell("(setsid sh -c 'echo $$ >" + file + ".new; mv " + file + ".new " + file +
               "; exec sleep 1000' &); until [ -s " + file + " ]; do sleep 0.01; done; exit 5");
  EXPECT_EQ(ran.outcome.code(), 5);
  const auto pid = ReadFile(file);
  ASSERT_TRUE(pid);
  EXPECT_EQ(::kill(std::stoi(*pid), 0), -1) << "the daemon lives on";
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "somebody was not reaped";
}

TEST(Ending, ProcessesLeftBehindThatIgnoreSigtermAreKilled) {
  SuperviseOptions options;
  options.orphan_grace = milliseconds(50);
  const auto ran = RunShell(
      "trap '' TERM; (setsid sh -c 'echo born; exec sleep 1000' | cat) & "
      "(trap '' TERM; sleep 1000) & exit 0",
      options);
  EXPECT_EQ(ran.outcome.code(), 0);
  EXPECT_FALSE(ran.outcome.killed_after_grace) << "the command itself ended in time";
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(Ending, WhatProcessesLeftBehindSayLastIsPassedOn) {
  const auto ran = RunShell(
      "sh -c 'trap \"echo farewell; exit\" TERM; echo > \"$0\"; sleep 1000 & wait' /dev/null & "
      "sleep 0.2; exit 0");
  EXPECT_EQ(ran.output, "farewell\n");
}

TEST(Ending, ClosedOutputsAreNotTheEnd) {
  const auto ran = RunShell("exec >&- 2>&-; sleep 0.1; exit 3");
  EXPECT_EQ(ran.outcome.code(), 3);
  EXPECT_GE(ran.outcome.elapsed, milliseconds(90));
}

TEST(Ending, TheDeadlineEndsIt) {
  SuperviseOptions options;
  options.deadline = milliseconds(50);
  const auto ran = RunShell("exec sleep 1000", options);
  EXPECT_EQ(ran.outcome.stopped_by, StoppedBy::kDeadline);
  EXPECT_EQ(ran.outcome.signal, SIGTERM);
  EXPECT_FALSE(ran.outcome.killed_after_grace);
}

TEST(Ending, TheCommandDiesWithItsSupervisor) {
  // The orphan comes to us, so that we can wait for its death.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  const pid_t supervisor = ::fork();
  if (supervisor == 0) {
    SuperviseOptions options;
    options.output_fd = pipe->write.get();
    const auto outcome =
        Supervise({{"/bin/sh", "-c", "trap '' TERM; echo $$; exec sleep 1000"}, {}, {}}, options);
    ::_exit(outcome ? outcome->code() : 99);
  }
  char text[32] = {};
  ASSERT_GT(::read(pipe->read.get(), text, sizeof text - 1), 0);
  const pid_t command = std::stoi(text);
  ASSERT_EQ(::kill(supervisor, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(supervisor, &status, 0), supervisor);
  ASSERT_EQ(::waitpid(command, &status, 0), command);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(Ending, ChildrenThatWeHadBeforeAreSpared) {
  EXPECT_EQ(InFork([] {
              const pid_t before = ::fork();
              if (before == 0) {
                ::pause();
                ::_exit(0);
              }
              const auto ran = RunShell("(setsid sleep 1000 &) ; exit 8");
              const bool alive = ::kill(before, SIGKILL) == 0;
              int status = 0;
              const bool spared = ::waitpid(before, &status, 0) == before && WIFSIGNALED(status) &&
                                  WTERMSIG(status) == SIGKILL;
              return ran.outcome.code() == 8 && alive && spared ? 0 : 1;
            }),
            0);
}

TEST(Ending, ASecondRunFindsNothingOfTheFirst) {
  for (int i = 0; i < 20; ++i) {
    const auto ran = RunShell("(sleep 1000 &); echo out; echo err >&2; exit 1");
    EXPECT_EQ(ran.outcome.code(), 1);
    EXPECT_EQ(ran.output, "out\n");
    EXPECT_EQ(ran.error, "err\n");
  }
}

}  // namespace
}  // namespace berth::process
