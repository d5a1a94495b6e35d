// What runs beside a command, and ends it.
#include <gmock/gmock.h>
#include <sys/epoll.h>

#include "core/files.h"
#include "process/testing/run.h"

namespace berth::process {
namespace {

using std::chrono::milliseconds;
using testing::RunShell;

std::unique_ptr<EventLoop> Loop() {
  auto loop = EventLoop::Make();
  EXPECT_TRUE(loop);
  return *std::move(loop);
}

TEST(Beside, ALoopRunsWhileTheCommandDoes) {
  const auto loop = Loop();
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  std::string got;
  ASSERT_TRUE(loop->Watch(pipe->read.get(), EPOLLIN, [&](uint32_t) {
    char byte = 0;
    ASSERT_EQ(::read(pipe->read.get(), &byte, 1), 1);
    got += byte;
  }));
  loop->After(milliseconds(1), [&] { ASSERT_EQ(::write(pipe->write.get(), "x", 1), 1); });
  SuperviseOptions options;
  options.beside = loop.get();
  options.stop_asked = [&]() -> std::optional<StopOrder> {
    if (got.empty()) return std::nullopt;
    return StopOrder{.signal = SIGTERM, .grace = testing::kPatience};
  };
  const auto ran = RunShell("sleep 60", options);
  EXPECT_EQ(ran.outcome.stopped_by, StoppedBy::kCaller);
  EXPECT_EQ(ran.outcome.signal, SIGTERM);
  EXPECT_FALSE(ran.outcome.killed_after_grace);
}

TEST(Beside, ALaterOrderShortensTheGraceAndNeverLengthensIt) {
  const auto loop = Loop();
  bool ready = false;
  int orders = 0;
  // Rings for as long as there is a command.
  std::function<void()> ring = [&] { loop->After(milliseconds(1), ring); };
  ring();
  SuperviseOptions options;
  options.beside = loop.get();
  options.observer = [&](Stream, std::string_view) { ready = true; };
  options.stop_asked = [&]() -> std::optional<StopOrder> {
    if (!ready) return std::nullopt;
    ++orders;
    if (orders == 2) return StopOrder{.signal = SIGTERM, .grace = milliseconds(0)};
    return StopOrder{.signal = SIGTERM, .grace = testing::kPatience};
  };
  const auto ran = RunShell("trap '' TERM; echo ready; while :; do sleep 0.01; done", options);
  EXPECT_EQ(ran.outcome.signal, SIGKILL);
  EXPECT_TRUE(ran.outcome.killed_after_grace);
}

TEST(Beside, SignalsThatEndACommandCanBeTakenInItsPlace) {
  const auto loop = Loop();
  int told = 0;
  SuperviseOptions options;
  options.beside = loop.get();
  options.on_stop_signal = [&](int signal) { told = signal; };
  options.stop_asked = [&]() -> std::optional<StopOrder> {
    if (told == 0) return std::nullopt;
    return StopOrder{.signal = SIGUSR1, .grace = testing::kPatience};
  };
  bool sent = false;
  options.observer = [&](Stream, std::string_view) {
    if (!std::exchange(sent, true)) ::kill(::getpid(), SIGTERM);
  };
  const auto ran = RunShell(
      "trap 'exit 3' TERM; trap 'exit 5' USR1; echo ready; "
      "while :; do sleep 0.01; done",
      options);
  EXPECT_EQ(told, SIGTERM);
  EXPECT_EQ(ran.outcome.exit_code, 5);
  EXPECT_EQ(ran.outcome.stopped_by, StoppedBy::kCaller);
}

TEST(Beside, OutputCanBePassedOnWithoutUs) {
  SuperviseOptions options;
  options.pass_output = true;
  const auto ran = RunShell("echo out; echo err >&2; exit 3", options);
  EXPECT_EQ(ran.outcome.exit_code, 3);
  EXPECT_EQ(ran.output, "out\n");
  EXPECT_EQ(ran.error, "err\n");
  EXPECT_EQ(ran.outcome.output_tail, "");
}

TEST(Beside, StartAndEndOfTheCommandAreTold) {
  pid_t started = 0;
  Outcome ended;
  SuperviseOptions options;
  options.on_started = [&](pid_t pid) { started = pid; };
  options.on_ended = [&](const Outcome& outcome) { ended = outcome; };
  const auto ran = RunShell("echo $$; exit 3", options);
  EXPECT_EQ(ran.output, std::to_string(started) + "\n");
  EXPECT_EQ(ended.exit_code, 3);
}

TEST(Beside, OfACommandThatDoesNotStartNothingIsTold) {
  SuperviseOptions options;
  options.on_started = [](pid_t) { ADD_FAILURE(); };
  options.on_ended = [](const Outcome&) { ADD_FAILURE(); };
  EXPECT_EQ(testing::RunCommand({"/no/such/program"}, options).outcome.exit_code, 127);
}

TEST(Beside, TheEndIsToldBeforeThoseLeftBehindAreDealtWith) {
  const auto folder = TemporaryDirectory::Make("berth-test");
  ASSERT_TRUE(folder);
  SuperviseOptions options;
  options.orphan_grace = testing::kPatience;
  options.on_ended = [&](const Outcome& outcome) {
    EXPECT_EQ(outcome.exit_code, 3);
    // SIGTERM would not end it.
    const auto orphan = ReadFile(folder->path() / "pid");
    ASSERT_TRUE(orphan);
    EXPECT_EQ(::kill(static_cast<pid_t>(std::stol(*orphan)), SIGKILL), 0);
  };
  const auto ran =
      testing::RunCommand({"/bin/sh", "-c", "trap '' TERM; sleep 600 & echo $! > pid; exit 3"},
                          options, folder->path());
  EXPECT_LT(ran.outcome.elapsed, testing::kPatience);
}

TEST(Beside, OrphansCanBeKept) {
  SuperviseOptions options;
  options.keep_orphans = true;
  options.orphan_grace = testing::kPatience;
  const auto ran = RunShell("sleep 600 & echo $!", options);
  const auto orphan = static_cast<pid_t>(std::stol(ran.output));
  EXPECT_EQ(::kill(orphan, 0), 0);
  ::kill(orphan, SIGKILL);
}

TEST(Beside, OrphansOfACommandThatWasAskedToEndAreNotKept) {
  const auto loop = Loop();
  SuperviseOptions options;
  options.keep_orphans = true;
  options.beside = loop.get();
  options.observer = testing::WhenReady([&] { loop->After(milliseconds(1), [] {}); });
  bool asked = false;
  options.stop_asked = [&]() -> std::optional<StopOrder> {
    if (std::exchange(asked, true)) return std::nullopt;
    return StopOrder{};
  };
  options.orphan_grace = milliseconds(0);
  const auto ran =
      RunShell("trap '' TERM; sleep 600 & echo $!; trap 'exit 0' TERM; echo ready; wait", options);
  EXPECT_EQ(ran.outcome.exit_code, 0);
  EXPECT_NE(::kill(static_cast<pid_t>(std::stol(ran.output)), 0), 0);
}

}  // namespace
}  // namespace berth::process
