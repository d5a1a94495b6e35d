#include "training/distributed/leader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <vector>

#include "training/distributed/messages.h"

namespace berth::training {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

/// A leader, and what it orders, host by host.
class LeaderTest : public testing::Test {
 protected:
  void Make(std::vector<std::string> hosts, int restarts = 0) {
    leader.reset();  // it uses the former loop
    auto made = EventLoop::Make();
    ASSERT_TRUE(made);
    loop = *std::move(made);
    leader = std::make_unique<Leader>(
        *loop,
        LeaderOptions{.hosts = hosts, .max_restarts = restarts, .grace = milliseconds(60'000)},
        [this](const std::string& host, const Order& order) {
          // Through the wire, as it goes between hosts.
          const auto decoded = DecodeOrder(Encode(order));
          ASSERT_TRUE(decoded) << decoded.error().message();
          orders[host].push_back(*decoded);
        },
        [this] { ++over; });
  }
  void Tell(const std::string& host, const Report& report) {
    const auto decoded = DecodeReport(Encode(report));
    ASSERT_TRUE(decoded) << decoded.error().message();
    leader->Receive(host, *decoded);
  }
  void Ready(const std::vector<std::string>& hosts) {
    for (const std::string& host : hosts) {
      leader->Joined(host);
      Tell(host, HostReady{{{"name", host}}});
    }
  }
  template <typename T>
  const T* Last(const std::string& host) {
    const auto& all = orders[host];
    return all.empty() ? nullptr : std::get_if<T>(&all.back());
  }
  /// Two hosts that run attempt 0.
  void Run(int restarts = 0) {
    Make({"a", "b"}, restarts);
    Ready({"a", "b"});
    Tell("b", HostServing{0, true});
    Tell("a", HostServing{0, true});
  }
  void Idle(int attempt) {
    Tell("a", HostIdle{attempt});
    Tell("b", HostIdle{attempt});
  }
  static Ending Failed(int code, std::string text) {
    return {.code = code, .type = "ExecuteUserScriptError", .text = std::move(text)};
  }

  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<Leader> leader;
  std::map<std::string, std::vector<Order>> orders;
  int over = 0;
};

TEST_F(LeaderTest, StartsItselfWhenTheOthersServe) {
  Make({"a", "b", "c"});
  Ready({"a", "b"});
  EXPECT_TRUE(orders.empty());
  Ready({"c"});
  ASSERT_NE(Last<StartOrder>("b"), nullptr);
  EXPECT_EQ(Last<StartOrder>("b")->facts.at("a"), (json::Object{{"name", "a"}}));
  EXPECT_FALSE(orders.contains("a"));
  Tell("b", HostServing{0, false});
  EXPECT_FALSE(orders.contains("a"));
  Tell("c", HostServing{0, false});
  ASSERT_NE(Last<StartOrder>("a"), nullptr);
  EXPECT_EQ(Last<StartOrder>("a")->facts.size(), 2);
}

TEST_F(LeaderTest, EndsWellWhenAllWorkIsDone) {
  Run();
  Tell("a", HostFinished{0, milliseconds(0), {}});
  EXPECT_EQ(Last<StopAllOrder>("b"), nullptr);
  Tell("b", HostFinished{0, milliseconds(0), {}});
  ASSERT_NE(Last<StopAllOrder>("b"), nullptr);
  EXPECT_EQ(over, 0);
  Idle(0);
  ASSERT_NE(Last<EndOrder>("b"), nullptr);
  EXPECT_EQ(Last<EndOrder>("b")->ending.code, 0);
  EXPECT_EQ(over, 1);
}

TEST_F(LeaderTest, HostsThatServeAreDoneWithTheMaster) {
  Make({"a", "b"});
  Ready({"a", "b"});
  Tell("b", HostServing{0, false});
  Tell("a", HostServing{0, true});
  Tell("a", HostFinished{0, milliseconds(0), {}});
  Idle(0);
  ASSERT_NE(Last<EndOrder>("b"), nullptr);
  EXPECT_EQ(Last<EndOrder>("b")->ending.code, 0);
}

TEST_F(LeaderTest, NamesTheRankThatFailedFirstNotTheOneHeardFirst) {
  Run();
  Tell("a", RankFailed{0, 0, milliseconds(5), Failed(1, "connection reset")});
  Tell("b", RankFailed{0, 3, milliseconds(900), Failed(7, "ValueError: bad")});
  Tell("a", HostFinished{0, milliseconds(0), Failed(1, "mpirun ended with exit code 1")});
  Idle(0);
  ASSERT_NE(Last<EndOrder>("a"), nullptr);
  EXPECT_EQ(Last<EndOrder>("a")->ending.code, 7);
  EXPECT_EQ(Last<EndOrder>("a")->ending.text, "rank 3 on b: ValueError: bad");
  EXPECT_EQ(Last<EndOrder>("b")->ending, Last<EndOrder>("a")->ending);
}

TEST_F(LeaderTest, AFailureStopsAllAtOnce) {
  Run();
  Tell("b", RankFailed{0, 3, milliseconds(0), Failed(7, "bad")});
  for (const char* host : {"a", "b"}) {
    ASSERT_NE(Last<StopAllOrder>(host), nullptr);
    EXPECT_EQ(Last<StopAllOrder>(host)->signal, SIGTERM);
    EXPECT_EQ(Last<StopAllOrder>(host)->grace, kFailureGrace);
  }
}

TEST_F(LeaderTest, ALostHostIsTheCulpritOfWhatFailedJustBefore) {
  Run(/*restarts=*/3);
  Tell("a", RankFailed{0, 0, milliseconds(0), Failed(1, "connection reset by peer")});
  leader->Lost("b", "it closed the connection");
  Tell("a", HostIdle{0});
  ASSERT_NE(Last<EndOrder>("a"), nullptr);
  EXPECT_EQ(Last<EndOrder>("a")->ending.text, "host b was lost: it closed the connection");
  EXPECT_NE(Last<EndOrder>("a")->ending.code, 0);
  EXPECT_EQ(over, 1);
}

TEST_F(LeaderTest, ALauncherThatWasKilledIsTheCulpritOfTheRanksItTookAlong) {
  Run();
  Tell("a", RankFailed{0, 0, milliseconds(0), Failed(137, "killed by signal 9")});
  Tell("a", HostFinished{0, milliseconds(20), Failed(137, "mpirun was killed")});
  Idle(0);
  EXPECT_EQ(Last<EndOrder>("b")->ending.text, "a: mpirun was killed");
}

TEST_F(LeaderTest, ARankThatEndedWellBeforeTheOthersWereEndedIsNamed) {
  Run();
  Tell("a", RankFailed{0, 0, milliseconds(0), Failed(137, "killed"), Cause::kDoubtful});
  Tell("a", HostIdle{0});
  Tell("b", HostIdle{0, {3}});
  EXPECT_EQ(Last<EndOrder>("a")->ending.text,
            "rank 0 on a: killed\nrank 3 on b had ended with exit code 0 before");
}

TEST_F(LeaderTest, RanksThatWereEndedAreConsequences) {
  Run();
  Tell("a", RankFailed{0, 0, milliseconds(900), Failed(143, "ended"), Cause::kEnded});
  EXPECT_NE(Last<StopAllOrder>("b"), nullptr);
  Tell("a",
       HostFinished{0, milliseconds(0), Failed(1, "mpirun: a daemon is gone"), Cause::kDoubtful});
  Idle(0);
  EXPECT_EQ(Last<EndOrder>("b")->ending.text, "a: mpirun: a daemon is gone");

  Run();
  Tell("a", RankFailed{0, 0, milliseconds(900), Failed(143, "ended"), Cause::kEnded});
  Tell("a", HostFinished{0, milliseconds(100), Failed(1, "mpirun gave up"), Cause::kDoubtful});
  Tell("b", RankFailed{0, 1, milliseconds(0), Failed(1, "ValueError: bad")});
  Idle(0);
  EXPECT_EQ(Last<EndOrder>("a")->ending.text, "rank 1 on b: ValueError: bad");
}

TEST_F(LeaderTest, ARankThatWasKilledIsTheCulpritOfThoseThatItsEndMadeFail) {
  Run();
  // Heard of late: its host was busy.
  Tell("a", RankFailed{0, 0, milliseconds(0), Failed(139, "Segmentation fault")});
  Tell("b", RankFailed{0, 1, milliseconds(0), Failed(137, "killed"), Cause::kKilled});
  Idle(0);
  EXPECT_EQ(Last<EndOrder>("a")->ending.text, "rank 1 on b: killed");

  // Because it did not end when it was told to.
  Run();
  Tell("a", RankFailed{0, 0, kFailureGrace, Failed(1, "ValueError: bad")});
  Tell("b", RankFailed{0, 1, milliseconds(0), Failed(137, "killed"), Cause::kKilled});
  Idle(0);
  EXPECT_EQ(Last<EndOrder>("a")->ending.text, "rank 0 on a: ValueError: bad");
}

TEST_F(LeaderTest, ASignalAfterAFailureIsNotTheReasonAndPreventsARestart) {
  Run(/*restarts=*/3);
  Tell("b", RankFailed{0, 3, milliseconds(0), Failed(7, "bad")});
  Tell("a", HostStopping{SIGTERM});
  Idle(0);
  ASSERT_NE(Last<EndOrder>("a"), nullptr);
  EXPECT_EQ(Last<EndOrder>("a")->ending.code, 7);
}

TEST_F(LeaderTest, AHostThatIsLostAfterASignalIsNamed) {
  Run();
  Tell("a", HostStopping{SIGTERM});
  leader->Lost("b", "it closed the connection");
  Tell("a", HostIdle{0});
  ASSERT_NE(Last<EndOrder>("a"), nullptr);
  EXPECT_EQ(Last<EndOrder>("a")->ending.code, 128 + SIGTERM);
  EXPECT_THAT(Last<EndOrder>("a")->ending.text, HasSubstr("host b was lost"));
}

TEST_F(LeaderTest, StartsAgainInPlaceAsOftenAsAllowed) {
  Run(/*restarts=*/2);
  for (int attempt = 0; attempt < 2; ++attempt) {
    Tell("b", RankFailed{attempt, 3, milliseconds(0), Failed(137, "killed")});
    Idle(attempt);
    ASSERT_NE(Last<StartOrder>("b"), nullptr) << attempt;
    EXPECT_EQ(Last<StartOrder>("b")->attempt, attempt + 1);
    // Late words about the last attempt mean nothing.
    Tell("a", RankFailed{attempt, 0, milliseconds(0), Failed(1, "late")});
    Tell("b", HostServing{attempt + 1, true});
    ASSERT_NE(Last<StartOrder>("a"), nullptr);
    Tell("a", HostServing{attempt + 1, true});
  }
  Tell("b", RankFailed{2, 3, milliseconds(0), Failed(137, "killed again")});
  Idle(2);
  ASSERT_NE(Last<EndOrder>("a"), nullptr);
  EXPECT_EQ(Last<EndOrder>("a")->ending.code, 137);
  EXPECT_THAT(Last<EndOrder>("a")->ending.text, HasSubstr("killed again"));
}

TEST_F(LeaderTest, ASignalStopsAllWithTheGraceAndIsNoFailureOfARank) {
  Run(/*restarts=*/3);
  Tell("b", HostStopping{SIGTERM});
  ASSERT_NE(Last<StopAllOrder>("a"), nullptr);
  EXPECT_EQ(Last<StopAllOrder>("a")->grace, milliseconds(60'000));
  EXPECT_TRUE(Last<StopAllOrder>("a")->serve_on);
  Tell("a", RankFailed{0, 0, milliseconds(0), Failed(143, "stopped")});
  Tell("a", HostFinished{0, milliseconds(0), Failed(143, "")});
  Tell("b", HostFinished{0, milliseconds(0), {}});
  // Now nobody needs those any more who served.
  EXPECT_FALSE(Last<StopAllOrder>("b")->serve_on);
  Idle(0);
  ASSERT_NE(Last<EndOrder>("a"), nullptr);
  EXPECT_EQ(Last<EndOrder>("a")->ending.code, 128 + SIGTERM);
  EXPECT_THAT(Last<EndOrder>("a")->ending.text, HasSubstr("on b"));
}

TEST_F(LeaderTest, TheGraceIsForRanksAndEndsWithTheLastOfThem) {
  Run();
  Tell("b", HostStopping{SIGTERM});
  EXPECT_EQ(Last<StopAllOrder>("a")->grace, milliseconds(60'000));
  Tell("a", HostQuiet{0});
  EXPECT_TRUE(Last<StopAllOrder>("a")->serve_on);
  Tell("b", HostQuiet{0});
  EXPECT_EQ(Last<StopAllOrder>("a")->grace, kDoneGrace);
  EXPECT_FALSE(Last<StopAllOrder>("b")->serve_on);
}

TEST_F(LeaderTest, AStopBeforeTheMasterHasBegunWaitsForNobody) {
  Make({"a", "b"});
  Ready({"a", "b"});
  Tell("b", HostStopping{SIGTERM});
  Tell("a", HostIdle{0});  // it had not started anything
  Tell("b", HostQuiet{0});
  EXPECT_EQ(Last<StopAllOrder>("b")->grace, kDoneGrace);
  Tell("b", HostIdle{0});
  EXPECT_EQ(Last<EndOrder>("a")->ending.code, 128 + SIGTERM);
}

TEST_F(LeaderTest, AHostThatCannotStartEndsTheJobForThoseThatComeLater) {
  Make({"a", "b", "c"});
  Ready({"a"});
  leader->Joined("b");
  Tell("b", HostUnable{{.code = 1, .type = "ClientError", .text = "no mpirun"}});
  ASSERT_NE(Last<EndOrder>("a"), nullptr);
  EXPECT_EQ(Last<EndOrder>("a")->ending.text, "host b could not start: no mpirun");
  EXPECT_EQ(over, 0);
  leader->Joined("c");
  ASSERT_NE(Last<EndOrder>("c"), nullptr);
  EXPECT_EQ(over, 1);
}

TEST_F(LeaderTest, IsSilentOnlyWhereAllHostsAre) {
  Run();
  Tell("a", HostStalled{0, false, "rank 0 printed nothing"});
  EXPECT_EQ(Last<StopAllOrder>("a"), nullptr);
  Tell("a", HostStalled{0, false, ""});
  Tell("b", HostStalled{0, false, "rank 1 printed nothing"});
  EXPECT_EQ(Last<StopAllOrder>("a"), nullptr);
  Tell("a", HostStalled{0, false, "rank 0 printed nothing"});
  ASSERT_NE(Last<StopAllOrder>("a"), nullptr);
  EXPECT_TRUE(Last<StopAllOrder>("a")->stacks);
  // That the stacks ended the ranks is not the reason.
  Tell("b", RankFailed{0, 1, milliseconds(0), Failed(134, "Fatal Python error: Aborted")});
  Idle(0);
  EXPECT_THAT(Last<EndOrder>("b")->ending.text, HasSubstr("the watchdog ended the job: rank 0"));
}

TEST_F(LeaderTest, OneValueOutOfBoundsIsEnough) {
  Run();
  Tell("b", HostStalled{0, true, "rank 1 printed nan"});
  EXPECT_NE(Last<StopAllOrder>("a"), nullptr);
}

TEST_F(LeaderTest, GoesOnWithoutAHostThatNeverSaysItIsIdle) {
  Make({"a"});
  Ready({});
  Tell("a", HostReady{});
  Tell("a", HostServing{0, true});
  Tell("a", HostFinished{0, milliseconds(0), Failed(3, "x")});
  for (int i = 0; over == 0 && i < 20; ++i) loop->WaitAndRun(kFailureGrace + kIdleDeadline);
  EXPECT_EQ(over, 1);
  EXPECT_EQ(Last<EndOrder>("a")->ending.code, 3);
}

TEST(Messages, AnAgeTakesInItsTimeOnTheWay) {
  const auto age = [](long long sent_before) {
    json::Object message =
        Encode(Report(HostFinished{0, milliseconds(5), {.code = 1, .type = "X", .text = "x"}}));
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto sent = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    message.Set("sent", sent - sent_before);
    const auto report = DecodeReport(message);
    EXPECT_TRUE(report);
    return std::get<HostFinished>(*report).age;
  };
  EXPECT_GE(age(200'000), milliseconds(205));
  // The clocks do not agree.
  EXPECT_EQ(age(60'000'000), milliseconds(5));
  EXPECT_EQ(age(-60'000'000), milliseconds(5));
}

TEST(Messages, WhatIsNotAsItShouldBeIsAnError) {
  EXPECT_FALSE(DecodeReport({}));
  EXPECT_FALSE(DecodeReport({{"kind", "party"}}));
  EXPECT_FALSE(DecodeReport({{"kind", "idle"}, {"attempt", "0"}}));
  EXPECT_FALSE(DecodeReport({{"kind", "finished"}, {"attempt", 0}, {"age", -1}}));
  EXPECT_FALSE(DecodeReport({{"kind", "finished"},
                             {"attempt", 0},
                             {"age", 0},
                             {"sent", 0},
                             {"ending", json::Object{{"code", 1}, {"type", ""}, {"text", ""}}},
                             {"cause", 99}}));
  EXPECT_FALSE(DecodeOrder({{"kind", "end"}, {"ending", json::Object{{"code", 1}}}}));
  const auto long_text = DecodeOrder(
      Encode(Order(EndOrder{{.code = 1, .type = "X", .text = std::string(100'000, 'x')}})));
  ASSERT_TRUE(long_text);
  EXPECT_LE(std::get<EndOrder>(*long_text).ending.text.size(), kTextLimit);
}

}  // namespace
}  // namespace berth::training
