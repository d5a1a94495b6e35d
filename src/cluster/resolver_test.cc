#include "cluster/resolver.h"

#include <gtest/gtest.h>

#include <csignal>
#include <future>

namespace berth::cluster {
namespace {

using std::chrono::milliseconds;

class ResolverTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = EventLoop::Make();
    ASSERT_TRUE(made);
    loop = *std::move(made);
  }
  std::unique_ptr<EventLoop> loop;
};

TEST_F(ResolverTest, AnswersFromTheLoopAgainAndAgain) {
  Resolver resolver(*loop, LookUp);
  for (const std::string host : {"127.0.0.1", "not a name", "127.0.0.2"}) {
    std::string found;
    ASSERT_TRUE(resolver.Start(host, 1, [&](Result<std::vector<SocketAddress>> addresses) {
      found = addresses ? addresses->front().HostText() : "none";
    }));
    EXPECT_EQ(found, "");
    while (found.empty()) loop->WaitAndRun(milliseconds(60'000));
    EXPECT_EQ(found, host == "not a name" ? "none" : host);
  }
}

TEST_F(ResolverTest, AServerThatDoesNotAnswerHoldsNobodyUp) {
  std::promise<void> answered;
  const auto over = std::make_shared<std::promise<void>>();
  const std::shared_future<void> answer = answered.get_future().share();
  {
    Resolver resolver(*loop, [over, answer](const std::string&, uint16_t) {
      answer.wait();
      over->set_value();
      return Result<std::vector<SocketAddress>>();
    });
    ASSERT_TRUE(resolver.Start("algo-1", 1, [](const auto&) { FAIL(); }));
    bool rang = false;
    loop->After(milliseconds(1), [&] { rang = true; });
    while (!rang) loop->WaitAndRun(milliseconds(60'000));
  }
  answered.set_value();
  over->get_future().wait();
  loop->WaitAndRun(milliseconds(0));
}

TEST_F(ResolverTest, TheThreadTakesNoSignal) {
  const auto blocked = std::make_shared<std::promise<bool>>();
  Resolver resolver(*loop, [blocked](const std::string&, uint16_t) {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked->set_value(::sigismember(&mask, SIGCHLD) == 1 && ::sigismember(&mask, SIGTERM) == 1);
    return Result<std::vector<SocketAddress>>();
  });
  bool answered = false;
  ASSERT_TRUE(resolver.Start("algo-1", 1, [&](const auto&) { answered = true; }));
  EXPECT_TRUE(blocked->get_future().get());
  while (!answered) loop->WaitAndRun(milliseconds(60'000));
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(::sigismember(&mask, SIGCHLD), 0);
}

TEST_F(ResolverTest, TheAnswerMayDestroyIt) {
  auto resolver = std::make_unique<Resolver>(*loop, LookUp);
  ASSERT_TRUE(resolver->Start("127.0.0.1", 1, [&](const auto&) { resolver.reset(); }));
  while (resolver) loop->WaitAndRun(milliseconds(60'000));
}

}  // namespace
}  // namespace berth::cluster
