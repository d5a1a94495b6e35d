// Signals: those we get, and those the command starts with.
#include "process/signals.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <sstream>
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

std::string TrapScript(int signal, const std::string& action) {
  return "trap '" + action + "' " + std::to_string(signal) + "; echo ready; sleep 60 & wait";
}

TEST(Signals, EachStopSignalReachesTheCommandAndMayBeHandled) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
    SuperviseOptions options;
    options.observer = WhenReady([&] { ::raise(signal); });
    const auto ran = RunShell(TrapScript(signal, "echo got it; exit 7"), options);
    EXPECT_EQ(ran.output, "ready\ngot it\n") << signal;
    EXPECT_EQ(ran.outcome.code(), 7);
    EXPECT_EQ(ran.outcome.stopped_by, StoppedBy::kSignal);
    EXPECT_EQ(ran.outcome.stop_signal, signal);
    EXPECT_GT(ran.outcome.stopped_after.count(), 0);
    EXPECT_LE(ran.outcome.stopped_after, ran.outcome.elapsed);
    EXPECT_FALSE(ran.outcome.killed_after_grace);
  }
}

TEST(Signals, UserSignalsReachTheCommandAndAreNoStop) {
  for (const int signal : {SIGUSR1, SIGUSR2}) {
    SuperviseOptions options;
    options.grace = milliseconds(1);
    options.observer = WhenReady([&] { ::raise(signal); });
    const auto ran = RunShell(TrapScript(signal, "sleep 0.1; echo got it; exit 7"), options);
    EXPECT_EQ(ran.output, "ready\ngot it\n");
    EXPECT_EQ(ran.outcome.code(), 7);
    EXPECT_EQ(ran.outcome.stopped_by, StoppedBy::kNobody);
  }
}

TEST(Signals, ACommandThatIgnoresSigtermIsKilledAfterTheGrace) {
  SuperviseOptions options;
  options.grace = milliseconds(50);
  options.observer = WhenReady([] { ::raise(SIGTERM); });
  const auto ran = RunShell("trap '' TERM; echo ready; while :; do sleep 60; done", options);
  EXPECT_EQ(ran.outcome.code(), 137);
  EXPECT_TRUE(ran.outcome.killed_after_grace);
  EXPECT_EQ(ran.outcome.stop_signal, SIGTERM);
  EXPECT_FALSE(ran.outcome.out_of_memory);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(Signals, TheKillReachesThoseWhoLeftTheGroup) {
  SuperviseOptions options;
  options.grace = milliseconds(50);
  options.observer = WhenReady([] { ::raise(SIGTERM); });
  const auto ran = RunShell(
      "trap '' TERM; setsid sh -c 'setsid sleep 1000 & echo ready; sleep 1000' & wait; sleep 1000",
      options);
  EXPECT_EQ(ran.outcome.code(), 137);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(Signals, ASecondSignalIsPassedOnAndDoesNotShortenTheGrace) {
  SuperviseOptions options;
  options.grace = testing::kPatience;
  options.observer = WhenReady([] { ::raise(SIGINT); });
  const auto first = options.observer;
  bool second = false;
  options.observer = [&](Stream stream, std::string_view bytes) {
    first(stream, bytes);
    if (bytes.find("once") == std::string_view::npos || second) return;
    second = true;
    ::raise(SIGTERM);
  };
  const auto ran = RunShell(
      "trap 'echo once' INT; trap 'echo twice; exit 9' TERM; echo ready; "
      "while :; do sleep 60 & wait; done",
      options);
  EXPECT_EQ(ran.output, "ready\nonce\ntwice\n");
  EXPECT_EQ(ran.outcome.code(), 9);
  EXPECT_EQ(ran.outcome.stop_signal, SIGINT);
  EXPECT_FALSE(ran.outcome.killed_after_grace);
}

TEST(Signals, AStoppedCommandCanBeEnded) {
  SuperviseOptions options;
  options.observer = WhenReady([] { ::raise(SIGTERM); });
  const auto ran = RunShell("echo ready; kill -STOP $$; sleep 1000", options);
  EXPECT_EQ(ran.outcome.code(), 128 + SIGTERM);
}

/// The lines of a /proc/PID/status that tell of signals.
std::string SignalLines(const std::string& status, bool with_caught) {
  std::string lines, line;
  for (std::istringstream in(status); std::getline(in, line);) {
    const bool wanted = line.starts_with("SigBlk") || line.starts_with("SigIgn") ||
                        (with_caught && line.starts_with("SigCgt"));
    if (wanted) lines += line + "\n";
  }
  return lines;
}

TEST(Signals, TheCommandStartsWithOurCallersMaskAndDispositions) {
  const int code = InFork([] {
    for (const int signal : {SIGPIPE, SIGINT, SIGCHLD, SIGUSR1, SIGRTMIN + 1, SIGRTMAX}) {
      ::signal(signal, SIG_IGN);
    }
    for (const int signal : {SIGHUP, SIGTERM, SIGRTMIN + 2}) ::signal(signal, [](int) {});
    sigset_t mask;
    ::sigemptyset(&mask);
    for (const int signal : {SIGUSR2, SIGTERM, SIGRTMIN + 3}) ::sigaddset(&mask, signal);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);

    const std::string before = *ReadFile("/proc/self/status");
    const auto ran = testing::RunCommand({"cat", "/proc/self/status"});
    const std::string after = *ReadFile("/proc/self/status");
    if (SignalLines(ran.output, false) != SignalLines(before, false)) return 1;
    if (ran.output.find("SigCgt:\t0000000000000000") == std::string::npos) return 2;
    if (SignalLines(before, true) != SignalLines(after, true)) return 3;
    return ran.outcome.code() == 0 ? 0 : 4;
  });
  EXPECT_EQ(code, 0);
}

TEST(Signals, OneThatOurCallerIgnoresIsNotForwarded) {
  EXPECT_EQ(InFork([] {
              ::signal(SIGHUP, SIG_IGN);  // nohup
              SuperviseOptions options;
              options.observer = WhenReady([] {
                ::raise(SIGHUP);
                ::raise(SIGUSR1);
              });
              const auto ran = RunShell("trap 'exit 4' USR1; echo ready; sleep 60 & wait", options);
              const bool nobody = ran.outcome.stopped_by == StoppedBy::kNobody;
              return ran.outcome.code() == 4 && nobody ? 0 : 1;
            }),
            0);
}

TEST(Signals, ABrokenPipeDoesNotKillUsAndIsDefaultForChildren) {
  EXPECT_EQ(InFork([] {
              SurviveBrokenPipes();
              ::raise(SIGPIPE);
              return testing::RunCommand({"sh", "-c", "kill -PIPE $$"}).outcome.signal;
            }),
            SIGPIPE);
}

}  // namespace
}  // namespace berth::process
