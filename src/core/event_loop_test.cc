#include "core/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace berth {
namespace {

using std::chrono::milliseconds;

class EventLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = EventLoop::Make();
    ASSERT_TRUE(made);
    loop = *std::move(made);
    auto pair = MakePipe();
    ASSERT_TRUE(pair);
    pipe = *std::move(pair);
  }
  void Write() { ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1); }
  char Read() {
    char byte = 0;
    EXPECT_EQ(::read(pipe.read.get(), &byte, 1), 1);
    return byte;
  }
  std::unique_ptr<EventLoop> loop;
  Pipe pipe;
};

TEST_F(EventLoopTest, CallsTheHandlerOfADescriptorThatIsReady) {
  int calls = 0;
  ASSERT_TRUE(loop->Watch(pipe.read.get(), EPOLLIN, [&](uint32_t events) {
    EXPECT_TRUE((events & EPOLLIN) != 0);
    Read();
    ++calls;
  }));
  loop->RunReady();
  EXPECT_EQ(calls, 0);
  Write();
  loop->RunReady();
  EXPECT_EQ(calls, 1);
  loop->Change(pipe.read.get(), 0);
  Write();
  loop->RunReady();
  EXPECT_EQ(calls, 1);
  loop->Change(pipe.read.get(), EPOLLIN);
  loop->RunReady();
  EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, AHandlerMayForgetItselfAndOthers) {
  auto other = MakePipe();
  ASSERT_TRUE(other);
  ASSERT_EQ(::write(other->write.get(), "x", 1), 1);
  Write();
  int calls = 0;
  const auto forget_both = [&](uint32_t) {
    ++calls;
    loop->Forget(pipe.read.get());
    loop->Forget(other->read.get());
  };
  ASSERT_TRUE(loop->Watch(pipe.read.get(), EPOLLIN, forget_both));
  ASSERT_TRUE(loop->Watch(other->read.get(), EPOLLIN, forget_both));
  loop->RunReady();
  loop->RunReady();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, ADescriptorOpenedAnewInARoundIsNotTakenForTheOldOne) {
  auto other = MakePipe();
  ASSERT_TRUE(other);
  ASSERT_EQ(::write(other->write.get(), "x", 1), 1);
  Write();
  std::vector<std::string> called;
  const auto replace = [&](Pipe& mine, Pipe& gone) {
    return [&](uint32_t) {
      called.emplace_back("old");
      loop->Forget(mine.read.get());
      const int number = gone.read.get();
      loop->Forget(number);
      gone.read.Close();
      auto fresh = MakePipe();
      ASSERT_TRUE(fresh);
      ASSERT_EQ(fresh->read.get(), number);  // the kernel gives the lowest one
      ASSERT_TRUE(loop->Watch(number, EPOLLIN, [&](uint32_t) { called.emplace_back("new"); }));
      gone = *std::move(fresh);
    };
  };
  ASSERT_TRUE(loop->Watch(pipe.read.get(), EPOLLIN, replace(pipe, *other)));
  ASSERT_TRUE(loop->Watch(other->read.get(), EPOLLIN, replace(*other, pipe)));
  loop->RunReady();
  EXPECT_EQ(called, std::vector<std::string>{"old"});
}

TEST_F(EventLoopTest, TimersComeInTheOrderOfTheirTimes) {
  std::string order;
  const auto now = EventLoop::Clock::now();
  loop->At(now + milliseconds(2), [&] { order += 'b'; });
  loop->At(now + milliseconds(1), [&] { order += 'a'; });
  const auto cancelled = loop->At(now + milliseconds(1), [&] { order += 'x'; });
  loop->At(now + milliseconds(3), [&] { order += 'c'; });
  loop->Cancel(cancelled);
  loop->Cancel(cancelled);
  while (order.size() < 3) loop->WaitAndRun(milliseconds(10'000));
  EXPECT_EQ(order, "abc");
}

TEST_F(EventLoopTest, ATimerMayCancelAndSetOthers) {
  int calls = 0;
  EventLoop::Timer second = 0;
  const auto now = EventLoop::Clock::now();
  loop->At(now, [&] {
    loop->Cancel(second);
    loop->At(EventLoop::Clock::now(), [&] { ++calls; });
  });
  second = loop->At(now, [&] { calls += 100; });
  while (calls == 0) loop->WaitAndRun(milliseconds(10'000));
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, AnEarlierTimerIsNotMissedBehindALaterOne) {
  bool called = false;
  loop->After(std::chrono::hours(1), [] {});
  loop->After(milliseconds(1), [&] { called = true; });
  loop->WaitAndRun(milliseconds(10'000));
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace berth
