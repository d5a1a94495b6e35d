#include "cluster/member.h"

#include <atomic>
#include <future>

#include "cluster/testing/links.h"

namespace berth::cluster {
namespace {

using std::chrono::milliseconds;

class MemberTest : public LinksTest {
 protected:
  void SetUp() override {
    LinksTest::SetUp();
    timing.first_retry = milliseconds(5);
    timing.last_retry = milliseconds(20);
  }

  /// A port of 127.0.0.1 that is taken; nobody listens on it until Listen().
  void Reserve() {
    reserved = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(reserved.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(::getsockname(reserved.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  void Listen() { ASSERT_EQ(::listen(reserved.get(), 16), 0); }
  /// The next connection to it, once there is one.
  std::unique_ptr<Raw> Accepted() {
    std::unique_ptr<Raw> raw;
    Until([&] {
      Descriptor socket(::accept4(reserved.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (socket) raw = std::make_unique<Raw>(std::move(socket));
      return raw != nullptr;
    });
    return raw;
  }
  void OpenMemberToReserved() {
    Reserve();
    Listen();
    ASSERT_TRUE(SetNonBlocking(reserved.get(), true));
    MemberOptions options = MemberDefaults("algo-2");
    options.port = port;
    OpenMember("algo-2", options);
  }

  Descriptor reserved;
  uint16_t port = 0;
};

TEST_F(MemberTest, WaitsForANameThatDoesNotResolveYet) {
  const CapturedLog log;
  OpenHub();
  MemberOptions options = MemberDefaults("algo-2");
  const auto asked = std::make_shared<std::atomic<int>>(0);
  options.lookup = [asked](const std::string& host,
                           uint16_t to) -> Result<std::vector<SocketAddress>> {
    if (++*asked <= 5) return Fail("the name \"" + host + "\" does not resolve: not yet");
    return ResolveAddresses("127.0.0.1", to);
  };
  OpenMember("algo-2", options);
  UntilTold("(algo-2) joined");
  EXPECT_EQ(*asked, 6);
  EXPECT_EQ(log.Count("waiting for the master \"algo-1\": the name \"algo-1\" does not resolve: "
                      "not yet"),
            1U);
}

TEST_F(MemberTest, WaitsForAMasterThatDoesNotListenYet) {
  const CapturedLog log;
  Reserve();
  MemberOptions options = MemberDefaults("algo-2");
  options.port = port;
  OpenMember("algo-2", options);
  Until([&] { return log.Count("Connection refused") == 1; });
  reserved.Close();
  HubOptions at_last = HubDefaults();
  at_last.port = port;
  OpenHub(at_last);
  UntilTold("(algo-2) joined");
  EXPECT_EQ(log.lines.size(), 1U);
}

TEST_F(MemberTest, TriesAllAddressesOfTheName) {
  OpenHub();
  Reserve();
  MemberOptions options = MemberDefaults("algo-2");
  const uint16_t dead = port;
  const uint16_t alive = hub->port();
  options.lookup = [dead, alive](const std::string&, uint16_t) {
    auto addresses = ResolveAddresses("127.0.0.1", dead);
    addresses->push_back(ResolveAddresses("127.0.0.1", alive)->front());
    return addresses;
  };
  OpenMember("algo-2", options);
  UntilTold("(algo-2) joined");
}

TEST_F(MemberTest, ReachesTheHubByIPv6) {
  const Descriptor probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto loopback = ResolveAddresses("::1", 0);
  if (!probe || ::bind(probe.get(), loopback->front().get(), loopback->front().size) != 0) {
    GTEST_SKIP() << "no IPv6 here";
  }
  OpenHub();
  MemberOptions options = MemberDefaults("algo-2");
  options.lookup = [](const std::string&, uint16_t to) { return ResolveAddresses("::1", to); };
  OpenMember("algo-2", options);
  UntilTold("(algo-2) joined");
}

TEST_F(MemberTest, SaysAtItsDeadlineWhatTheTroubleWas) {
  const CapturedLog log;
  MemberOptions options = MemberDefaults("algo-2");
  options.deadline = milliseconds(100);
  options.lookup = [](const std::string&, uint16_t) -> Result<std::vector<SocketAddress>> {
    return Fail("the name \"algo-1\" does not resolve: Name or service not known");
  };
  OpenMember("algo-2", options);
  UntilTold(
      "(algo-2) failed: the master \"algo-1\" could not be joined within 0 s: the name \"algo-1\" "
      "does not resolve: Name or service not known");
}

TEST_F(MemberTest, ADnsServerThatDoesNotAnswerHoldsNobodyUp) {
  std::promise<void> answered;
  MemberOptions options = MemberDefaults("algo-2");
  options.deadline = milliseconds(50);
  options.lookup = [answer = answered.get_future().share()](const std::string&, uint16_t) {
    answer.wait();
    return ResolveAddresses("127.0.0.1", 1);
  };
  OpenMember("algo-2", options);
  UntilTold(
      "(algo-2) failed: the master \"algo-1\" could not be joined within 0 s: its name was still "
      "being looked up");
  members.clear();
  answered.set_value();
}

TEST_F(MemberTest, SaysWhenWhatAnswersIsNoBerth) {
  const CapturedLog log;
  OpenMemberToReserved();
  const auto raw = Accepted();
  raw->Send("SSH-2.0-OpenSSH_9.2\r\n");
  const std::string line = "waiting for the master \"algo-1\": what answers at 127.0.0.1 port " +
                           std::to_string(port) +
                           " is no berth of a job; is the port another program's? Set "
                           "BERTH_CONTROL_PORT to a free port, the same on all hosts";
  Until([&] { return log.Count(line) == 1; });
  Until([&] { return raw->Over(); });
  Accepted();  // it tries on
}

TEST_F(MemberTest, DoesNotWaitLongForAnAnswer) {
  const CapturedLog log;
  timing.handshake = milliseconds(50);
  OpenMemberToReserved();
  const auto silent = Accepted();
  Until([&] { return silent->Over(); });
  Until([&] { return log.Count("does not answer as a berth does") == 1; });
  Accepted();
}

TEST_F(MemberTest, GivesAFalseHubNothingButItsName) {
  const CapturedLog log;
  OpenMemberToReserved();
  const auto raw = Accepted();
  HubHandshake handshake("guess", "algo-1");
  std::string input;
  std::string output;
  auto state = HubHandshake::State::kMore;
  Until([&] {
    input += raw->Take();
    state = handshake.Feed(input, output);
    raw->Send(std::exchange(output, {}));
    return state != HubHandshake::State::kMore;
  });
  EXPECT_EQ(state, HubHandshake::State::kWrongKey);
  raw->Send(handshake.Answer(Verdict::kWelcome));
  Until([&] { return log.Count("the hosts were not given the same job") == 1; });
  EXPECT_TRUE(story.empty());
}

TEST_F(MemberTest, AMasterThatEndsIsLostAtOnce) {
  Join("algo-2");
  hub.reset();
  UntilTold("(algo-2) lost: its berth ended: the connection was closed");
  EXPECT_FALSE(members["algo-2"]->joined());
  EXPECT_TRUE(members["algo-2"]->Send({}));  // to nobody
  EXPECT_TRUE(members["algo-2"]->flushed());
}

TEST_F(MemberTest, AMasterThatSaysNothingIsLost) {
  timing.silence = milliseconds(200);
  OpenMemberToReserved();
  const auto raw = Accepted();
  HubHandshake handshake("key", "algo-1");
  std::string input;
  std::string output;
  Until([&] {
    input += raw->Take();
    const auto state = handshake.Feed(input, output);
    raw->Send(std::exchange(output, {}));
    return state == HubHandshake::State::kProved;
  });
  raw->Send(handshake.Answer(Verdict::kWelcome));
  UntilTold(
      "(algo-2) lost: nothing was heard of it for 0.2 s: its network is cut, or the host is gone "
      "or stands still");
}

TEST_F(MemberTest, TheOrderlyEndDeliversEverythingFirst) {
  Join("algo-2");
  story.clear();
  const std::string large(kMaxMessage / 2, 'x');
  for (int i = 0; i < 4; ++i) members["algo-2"]->Send({{"x", large}});
  bool closed = false;
  members["algo-2"]->Close([&] { closed = true; });
  Until([&] { return closed; });
  ASSERT_EQ(story.size(), 5U);
  EXPECT_EQ(story.back(), "algo-2 left");
  EXPECT_FALSE(hub->joined("algo-2"));
}

TEST_F(MemberTest, MayCloseBeforeItHasJoinedAndAfterItWasLost) {
  OpenMember("algo-2");
  bool closed = false;
  members["algo-2"]->Close([&] { closed = true; });
  EXPECT_FALSE(closed);
  Until([&] { return closed; });

  OpenHub();
  Join("algo-3");
  hub.reset();
  UntilTold("(algo-3) lost: its berth ended: the connection was closed");
  closed = false;
  members["algo-3"]->Close([&] { closed = true; });
  Until([&] { return closed; });
}

TEST_F(MemberTest, ASecondHostOfItsNameIsWaitedForUntilItIsDead) {
  const CapturedLog log;
  Join("algo-2");
  const auto first = std::move(members["algo-2"]);
  story.clear();
  OpenMember("algo-2");
  Until([&] {
    return log.Count(
               "waiting for the master \"algo-1\": a host that calls itself \"algo-2\", as "
               "this one does, has joined already; check that the hosts have different "
               "names") == 1;
  });
  EXPECT_TRUE(story.empty());
  bool closed = false;
  first->Close([&] { closed = true; });
  UntilTold("(algo-2) joined");
  EXPECT_TRUE(closed);
}

TEST_F(MemberTest, ItsEventsMayDestroyIt) {
  for (const std::string when : {"joined", "received", "left", "lost", "failed"}) {
    SCOPED_TRACE(when);
    OpenHub();
    story.clear();
    std::unique_ptr<Member> member;
    const auto gone = std::make_shared<std::string>();
    const auto destroy = [&, gone](const std::string& event) {
      if (event != when) return;
      member.reset();
      *gone = event;
    };
    MemberOptions options = MemberDefaults("algo-2");
    if (when == "failed") options.name = "algo-9";
    auto opened = Member::Open(
        *loop, options,
        {.joined = [destroy] { destroy("joined"); },
         .received = [destroy](const Message&) { destroy("received"); },
         .left = [destroy] { destroy("left"); },
         .lost = [destroy](bool joined,
                           const std::string&) { destroy(joined ? "lost" : "failed"); }});
    ASSERT_TRUE(opened);
    member = *std::move(opened);
    if (when != "failed") UntilTold("algo-2 joined");
    hub->Broadcast({{"n", 1}});
    hub->Broadcast({{"n", 2}});
    if (when == "left") hub->Close([] {});
    if (when == "lost") {
      Until([&] { return member->joined(); });
      hub.reset();
    }
    Until([&] { return *gone == when; });
    EXPECT_EQ(member, nullptr);
  }
}

TEST_F(MemberTest, ANameThatCannotBeIsAnError) {
  const auto none = Member::Open(*loop, MemberDefaults(""), MemberTells(""));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message(), "a host's name has 1 to 255 characters, not 0");
  EXPECT_FALSE(Member::Open(*loop, MemberDefaults(std::string(256, 'x')), MemberTells("")));
}

}  // namespace
}  // namespace berth::cluster
