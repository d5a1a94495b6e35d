#include "platform/errand.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>

namespace berth::platform {
namespace {

using Kind = Errand::News::Kind;

TEST(Errand, TellsAndEnds) {
  auto errand = Errand::Start([](const Superior& superior) -> Result<std::string> {
    superior.Tell("half way");
    return "done";
  });
  ASSERT_TRUE(errand);
  const auto progress = errand->Read();
  EXPECT_EQ(progress.kind, Kind::kProgress);
  EXPECT_EQ(progress.text, "half way");
  const auto end = errand->Read();
  EXPECT_EQ(end.kind, Kind::kDone);
  EXPECT_EQ(end.text, "done");
}

TEST(Errand, GivesItsFailureAsASentence) {
  auto errand =
      Errand::Start([](const Superior&) -> Result<std::string> { return Fail("no such bucket"); });
  ASSERT_TRUE(errand);
  const auto end = errand->Read();
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_EQ(end.text, "no such bucket");
}

TEST(Errand, ThatDiesIsAFailure) {
  auto errand = Errand::Start([](const Superior&) -> Result<std::string> {
    ::raise(SIGKILL);
    return "";
  });
  ASSERT_TRUE(errand);
  EXPECT_EQ(errand->Read().text, "the process that moves the data was killed");
}

TEST(Errand, HearsThatItShallFinishAndThatItShallEnd) {
  for (const bool finish : {true, false}) {
    auto errand = Errand::Start([](const Superior& superior) -> Result<std::string> {
      pollfd orders[] = {{superior.finish().descriptor(), POLLIN, 0},
                         {superior.cancel().descriptor(), POLLIN, 0}};
      ::poll(orders, 2, -1);
      return superior.cancel().cancelled() ? "cancelled" : "finished";
    });
    ASSERT_TRUE(errand);
    finish ? errand->Finish() : errand->Cancel();
    EXPECT_EQ(errand->Read().text, finish ? "finished" : "cancelled");
  }
}

TEST(Errand, IsKilledWhateverItDoes) {
  auto errand = Errand::Start([](const Superior& superior) -> Result<std::string> {
    superior.Tell("deaf");
    for (;;) ::pause();
  });
  ASSERT_TRUE(errand);
  EXPECT_EQ(errand->Read().text, "deaf");
}

TEST(Errand, HasNothingOpenThatWeHave) {
  // A number that nothing opened there takes again.
  const Descriptor low(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Descriptor ours(::fcntl(low.get(), F_DUPFD_CLOEXEC, 500));
  auto errand = Errand::Start([fd = ours.get()](const Superior&) -> Result<std::string> {
    return ::fcntl(fd, F_GETFD) < 0 ? "closed" : "open";
  });
  ASSERT_TRUE(errand);
  EXPECT_EQ(errand->Read().text, "closed");
}

TEST(Errand, KeepsOpenWhatItShallKeep) {
  const Descriptor low(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const int place : {low.get(), 600}) {
    const Descriptor kept(::fcntl(low.get(), F_DUPFD_CLOEXEC, place));
    const Descriptor other(::fcntl(low.get(), F_DUPFD_CLOEXEC, place + 100));
    auto errand = Errand::Start(
        [&](const Superior&) -> Result<std::string> {
          if (::fcntl(other.get(), F_GETFD) >= 0) return "the other is open";
          return ::fcntl(kept.get(), F_GETFD) < 0 ? "closed" : "open";
        },
        kept.get());
    ASSERT_TRUE(errand);
    EXPECT_EQ(errand->Read().text, "open");
  }
}

TEST(Errand, SaysThatItIsReadyAndGoesOn) {
  auto errand = Errand::Start([](const Superior& superior) -> Result<std::string> {
    superior.Ready("listed");
    pollfd order{superior.finish().descriptor(), POLLIN, 0};
    ::poll(&order, 1, -1);
    return "done";
  });
  ASSERT_TRUE(errand);
  const auto ready = errand->Read();
  EXPECT_EQ(ready.kind, Kind::kReady);
  EXPECT_EQ(ready.text, "listed");
  errand->Finish();
  EXPECT_EQ(errand->Read().text, "done");
}

}  // namespace
}  // namespace berth::platform
