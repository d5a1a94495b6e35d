#include "cluster/hub.h"

#include <arpa/inet.h>

#include <thread>

#include "cluster/testing/links.h"

namespace berth::cluster {
namespace {

using std::chrono::milliseconds;

class HubTest : public LinksTest {};

TEST_F(HubTest, HostsJoinAndSpeak) {
  OpenHub();
  EXPECT_EQ(hub->absent(), (std::vector<std::string>{"algo-2", "algo-3", "algo-4"}));
  for (const std::string name : {"algo-2", "algo-3", "algo-4"}) Join(name);
  EXPECT_TRUE(hub->absent().empty());
  EXPECT_TRUE(hub->joined("algo-3"));
  EXPECT_TRUE(hub->Broadcast({{"say", "start"}}));
  for (const std::string name : {"algo-2", "algo-3", "algo-4"}) {
    UntilTold("(" + name + ") {\"say\":\"start\"}");
  }
  EXPECT_TRUE(hub->Send("algo-3", {{"only", "you"}}));
  EXPECT_TRUE(hub->Send("nobody", {{"only", "you"}}));
  UntilTold("(algo-3) {\"only\":\"you\"}");
  EXPECT_FALSE(Told("(algo-2) {\"only\":\"you\"}"));
  EXPECT_TRUE(members["algo-4"]->Send({{"ready", true}}));
  UntilTold("algo-4: {\"ready\":true}");
  EXPECT_TRUE(hub->flushed());
}

TEST_F(HubTest, MessagesKeepTheirOrder) {
  Join("algo-2");
  constexpr int kMessages = 1000;
  for (int i = 0; i < kMessages; ++i) {
    hub->Send("algo-2", {{"n", i}});
    members["algo-2"]->Send({{"n", i}});
  }
  Until([&] { return story.size() == 2 + 2 * kMessages; });
  int to_member = 0;
  int to_hub = 0;
  for (size_t i = 2; i < story.size(); ++i) {
    const bool at_member = story[i].starts_with("(");
    const std::string content =
        "{\"n\":" + std::to_string(at_member ? to_member++ : to_hub++) + "}";
    ASSERT_EQ(story[i], (at_member ? "(algo-2) " : "algo-2: ") + content);
  }
}

TEST_F(HubTest, AMessageOfTheLargestSizePassesAndALargerOneIsRefused) {
  const CapturedLog log;
  Join("algo-2");
  const size_t around = std::string("{\"x\":\"\"}").size();
  EXPECT_TRUE(hub->Broadcast({{"x", std::string(kMaxMessage - around, 'x')}}));
  EXPECT_FALSE(hub->Broadcast({{"x", std::string(kMaxMessage - around + 1, 'x')}}));
  EXPECT_FALSE(hub->Send("algo-2", {{"x", std::string(kMaxMessage, 'x')}}));
  EXPECT_FALSE(members["algo-2"]->Send({{"x", std::string(kMaxMessage, 'x')}}));
  EXPECT_TRUE(hub->Broadcast({{"x", "after"}}));
  UntilTold("(algo-2) {\"x\":\"after\"}");
  EXPECT_EQ(story.size(), 4U);
  EXPECT_EQ(log.Count("a message of 524289 bytes to another host was not sent: the limit is "
                      "524288"),
            1U);
}

TEST_F(HubTest, AHostThatEndsIsLostAtOnceAndMayJoinAnew) {
  Join("algo-2");
  Join("algo-3");
  members.erase("algo-2");
  UntilTold("algo-2 lost: its berth ended: the connection was closed");
  EXPECT_FALSE(hub->joined("algo-2"));
  EXPECT_EQ(hub->absent(), (std::vector<std::string>{"algo-2", "algo-4"}));
  story.clear();
  Join("algo-2");
  members["algo-3"]->Send({});
  UntilTold("algo-3: {}");
}

TEST_F(HubTest, WhatAHostSentBeforeItEndedIsReceived) {
  Join("algo-2");
  members["algo-2"]->Send({{"failed", 1}});
  ASSERT_TRUE(members["algo-2"]->flushed());
  members.erase("algo-2");
  UntilTold("algo-2 lost: its berth ended: the connection was closed");
  EXPECT_EQ(story[2], "algo-2: {\"failed\":1}");
}

TEST_F(HubTest, TheOrderlyEndDeliversEverythingFirst) {
  Join("algo-2");
  Join("algo-3");
  story.clear();
  bool closed = false;
  const std::string large(kMaxMessage / 2, 'x');
  for (int i = 0; i < 4; ++i) hub->Broadcast({{"x", large}});
  members["algo-2"]->Send({{"too", "late"}});
  hub->Close([&] { closed = true; });
  hub->Send("algo-2", {{"after", "all"}});
  EXPECT_FALSE(closed);
  Until([&] { return closed; });
  EXPECT_TRUE(Told("(algo-2) left"));
  EXPECT_TRUE(Told("(algo-3) left"));
  EXPECT_EQ(story.size(), 10U);  // four messages and the end, at both members
}

TEST_F(HubTest, TheOrderlyEndDoesNotWaitForOneThatStandsStill) {
  timing.close = milliseconds(50);
  OpenHub();
  Raw raw(hub->port());
  JoinByHand(raw, "algo-2");
  Join("algo-3");
  bool closed = false;
  hub->Close([&] {
    closed = true;
    hub.reset();
  });
  Until([&] { return closed; });
  UntilTold("(algo-3) left");
  EXPECT_FALSE(Told("algo-2 left"));
}

TEST_F(HubTest, TheOrderlyEndOfALonelyHub) {
  OpenHub();
  bool closed = false;
  hub->Close([&] { closed = true; });
  EXPECT_FALSE(closed);
  Until([&] { return closed; });
}

TEST_F(HubTest, AHostThatSaysNothingIsLost) {
  timing.silence = milliseconds(200);
  OpenHub();
  Raw raw(hub->port());
  JoinByHand(raw, "algo-2");
  UntilTold(
      "algo-2 lost: nothing was heard of it for 0.2 s: its network is cut, or the host is gone or "
      "stands still");
  Until([&] { return raw.Over(); });
}

TEST_F(HubTest, AHostWhoseBytesNeverBecomeAFrameIsLost) {
  timing.silence = milliseconds(300);
  OpenHub();
  Raw raw(hub->port());
  JoinByHand(raw, "algo-2");
  raw.Send(std::string("\0\0\1\0", 4));
  const auto drip = [&](const auto& again) -> void {
    if (raw.Over()) return;
    raw.Send("x");
    loop->After(milliseconds(10), [&again] { again(again); });
  };
  drip(drip);
  Until([&] { return story.size() == 2; });
  EXPECT_TRUE(story[1].starts_with("algo-2 lost: nothing was heard of it"));
  Until([&] { return raw.Over(); });
}

TEST_F(HubTest, AHubThatStoodStillItselfReadsBeforeItJudges) {
  timing.silence = milliseconds(300);
  timing.heartbeat = milliseconds(20);
  OpenHub();
  auto other_loop = EventLoop::Make();
  ASSERT_TRUE(other_loop);
  MemberOptions options = MemberDefaults("algo-2");
  options.timing.silence = std::chrono::minutes(1);
  auto opened = Member::Open(**other_loop, std::move(options), MemberTells("algo-2"));
  ASSERT_TRUE(opened);
  Until([&] {
    (*other_loop)->RunReady();
    return Told("algo-2 joined") && Told("(algo-2) joined");
  });
  bool enough = false;
  (*other_loop)->After(timing.silence * 2, [&] { enough = true; });
  while (!enough) (*other_loop)->WaitAndRun(milliseconds(1'000));
  loop->RunReady();
  (*opened)->Send({{"still", "here"}});
  Until([&] {
    (*other_loop)->RunReady();
    return story.size() == 3;
  });
  EXPECT_EQ(story[2], "algo-2: {\"still\":\"here\"}");
}

TEST_F(HubTest, AHostThatReadsNothingIsLostWhenTooMuchWaits) {
  OpenHub();
  Raw raw(hub->port());
  JoinByHand(raw, "algo-2");
  Join("algo-3");
  const Message message{{"x", std::string(100'000, 'x')}};
  // Sending never calls back.
  for (int i = 0; i < 200 && hub->joined("algo-2"); ++i) {
    hub->Send("algo-2", message);
    ASSERT_FALSE(
        Told("algo-2 lost: it does not read what it is sent: more than 4 MiB wait for it"));
    if (i % 20 == 0) loop->RunReady();
  }
  UntilTold("algo-2 lost: it does not read what it is sent: more than 4 MiB wait for it");
  members["algo-3"]->Send({});
  UntilTold("algo-3: {}");
}

TEST_F(HubTest, WhatComesRightBehindTheProofIsReceivedAfterJoined) {
  OpenHub();
  Raw raw(hub->port());
  JoinByHand(raw, "algo-2", R"({"ready":1})");
  UntilTold("algo-2: {\"ready\":1}");
  EXPECT_EQ(story.front(), "algo-2 joined");
}

TEST_F(HubTest, AChangedFrameEndsTheLink) {
  OpenHub();
  Raw raw(hub->port());
  FrameSealer sealer(JoinByHand(raw, "algo-2").to_hub);
  std::string frame;
  sealer.Seal(FrameKind::kMessage, R"({"ok":1})", frame);
  raw.Send(frame);
  UntilTold("algo-2: {\"ok\":1}");
  raw.Send(frame);  // once more: a replay
  UntilTold("algo-2 lost: what it sent was changed on the way");
}

TEST_F(HubTest, WhatTheHubSentIsNoMessageToIt) {
  OpenHub();
  Raw raw(hub->port());
  JoinByHand(raw, "algo-2");
  std::string heartbeat;
  Until([&] { return !(heartbeat = raw.Take()).empty(); });
  raw.Send(heartbeat);
  UntilTold("algo-2 lost: what it sent was changed on the way");
}

TEST_F(HubTest, AMessageThatIsNoObjectEndsTheLink) {
  for (const std::string content : {"[1]", "{", "", "\xff"}) {
    OpenHub();
    story.clear();
    Raw raw(hub->port());
    FrameSealer sealer(JoinByHand(raw, "algo-2").to_hub);
    std::string frame;
    sealer.Seal(FrameKind::kMessage, content, frame);
    raw.Send(frame);
    UntilTold("algo-2 lost: it sent a message that is no JSON object");
  }
}

TEST_F(HubTest, ASecondHostOfANameIsRefusedWhileTheFirstLives) {
  const CapturedLog log;
  Join("algo-2");
  Raw raw(hub->port());
  MemberHandshake handshake("key", "algo-1", "algo-2");
  raw.Send(handshake.Hello());
  std::string input;
  std::string output;
  auto state = MemberHandshake::State::kMore;
  Until([&] {
    input += raw.Take();
    state = handshake.Feed(input, output);
    raw.Send(std::exchange(output, {}));
    return state != MemberHandshake::State::kMore;
  });
  EXPECT_EQ(state, MemberHandshake::State::kTaken);
  EXPECT_EQ(log.Count("refused a connection from 127.0.0.1: a host \"algo-2\" has joined already"),
            1U);
  members["algo-2"]->Send({});
  UntilTold("algo-2: {}");
}

TEST_F(HubTest, StrangersDisturbNobody) {
  const CapturedLog log;
  timing.handshake = milliseconds(200);
  OpenHub();
  Join("algo-2");
  for (int i = 0; i < 30; ++i) {
    Raw(hub->port()).Send("GET / HTTP/1.1\r\n\r\n");
    Raw scanner(hub->port());
    loop->RunReady();
  }
  Raw silent(hub->port());
  Raw slow(hub->port());
  slow.Send("BERTHLK1\x06");
  Raw wrong(hub->port());
  wrong.Send(MemberHandshake("guess", "algo-1", "algo-2").Hello() + std::string(kDigestSize, 'x'));
  Raw torrent(hub->port());
  torrent.Send("BERTHLK1\x06" + std::string(100'000, 'x'));
  Join("algo-3");
  Until([&] { return silent.Over() && slow.Over() && wrong.Over() && torrent.Over(); });
  members["algo-2"]->Send({});
  UntilTold("algo-2: {}");
  EXPECT_EQ(log.Count("refused a connection from 127.0.0.1: "), 10U);
  EXPECT_EQ(log.Count("it is no berth of a job; no more of these are told"), 1U);
}

TEST_F(HubTest, MoreStrangersThanThereIsRoomForDisturbNobody) {
  const CapturedLog log;
  OpenHub();
  std::vector<std::unique_ptr<Raw>> crowd;
  for (size_t i = 0; i < 2 * kMaxPending; ++i) {
    crowd.push_back(std::make_unique<Raw>(hub->port()));
    if (i % 32 == 0) loop->RunReady();
  }
  Join("algo-2");
  // The oldest had to go, although its time is not over yet.
  EXPECT_TRUE(crowd.front()->Over());
  EXPECT_FALSE(crowd.back()->Over());
  EXPECT_LE(log.lines.size(), 10U);
}

TEST_F(HubTest, WithoutDescriptorsForNewConnectionsItServesTheOld) {
  Join("algo-2");
  Raw waiting(hub->port());
  std::vector<Descriptor> all;
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) all.emplace_back(fd);
  members["algo-2"]->Send({});
  UntilTold("algo-2: {}");
  all.clear();
  Join("algo-3");
}

TEST_F(HubTest, AHostWithAnotherKeyIsToldOnceAtBothEnds) {
  const CapturedLog log;
  timing.patience = milliseconds(200);
  timing.last_retry = milliseconds(20);
  OpenHub();
  MemberOptions options = MemberDefaults("algo-2");
  options.key = "another";
  OpenMember("algo-2", options);
  const std::string why =
      "127.0.0.1 port " + std::to_string(hub->port()) +
      " and this host do not know the same key: the hosts were not given the same job; check that "
      "they have the same configuration, and BERTH_CLUSTER_KEY on all or none";
  UntilTold("(algo-2) failed: the master \"algo-1\" refused this host: " + why);
  EXPECT_EQ(log.Count("refused a connection from 127.0.0.1, which calls itself \"algo-2\": it does "
                      "not know this job's key. If it is that host, the hosts were not given the "
                      "same job: check that they have the same configuration, and "
                      "BERTH_CLUSTER_KEY on all or none"),
            1U);
  EXPECT_EQ(log.Count("waiting for the master \"algo-1\": " + why), 1U);
  EXPECT_EQ(log.lines.size(), 2U);
  Join("algo-3");
}

TEST_F(HubTest, AHostThatIsNotInTheListIsRefusedAtOnce) {
  const CapturedLog log;
  OpenHub();
  OpenMember("algo-9");
  UntilTold("(algo-9) failed: the master \"algo-1\" (127.0.0.1 port " +
            std::to_string(hub->port()) +
            ") does not have this host among the job's hosts: it calls itself \"algo-9\"; check "
            "that the resourceconfig.json of all hosts names the same hosts");
  EXPECT_EQ(log.Count("refused a connection from 127.0.0.1: it knows this job's key and calls "
                      "itself \"algo-9\", which is none of the job's hosts"),
            1U);
}

TEST_F(HubTest, APortInUseIsSaidSo) {
  OpenHub();
  HubOptions options = HubDefaults();
  options.port = hub->port();
  const auto second = Hub::Open(*loop, options, HubTells());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(),
            "cannot listen on port " + std::to_string(hub->port()) +
                " for the other hosts of the job: another program of this host uses it; set "
                "BERTH_CONTROL_PORT to a free port, the same on all hosts");
}

TEST_F(HubTest, NoKeyIsNoLink) {
  HubOptions options = HubDefaults();
  options.key.clear();
  EXPECT_FALSE(Hub::Open(*loop, options, HubTells()));
}

TEST_F(HubTest, ItsEventsMayDestroyIt) {
  for (const std::string when : {"joined", "received", "left", "lost"}) {
    SCOPED_TRACE(when);
    // What the event has captured must outlive the hub that called it.
    const auto gone = std::make_shared<std::string>();
    const auto destroy = [&, gone](const std::string& event) {
      if (event != when) return;
      hub.reset();
      *gone = event;
    };
    auto opened = Hub::Open(
        *loop, HubDefaults(),
        {.joined = [destroy](const std::string&) { destroy("joined"); },
         .received = [destroy](const std::string&, const Message&) { destroy("received"); },
         .left = [destroy](const std::string&) { destroy("left"); },
         .lost = [destroy](const std::string&, const std::string&) { destroy("lost"); }});
    ASSERT_TRUE(opened);
    hub = *std::move(opened);
    story.clear();
    OpenMember("algo-2");
    Until([&] { return *gone == when || members["algo-2"]->joined(); });
    members["algo-2"]->Send({{"n", 1}});
    members["algo-2"]->Send({{"n", 2}});
    if (when == "left") members["algo-2"]->Close([] {});
    if (when == "lost") members.erase("algo-2");
    Until([&] { return *gone == when; });
    EXPECT_EQ(hub, nullptr);
    members.clear();
  }
}

TEST_F(HubTest, EveryHostHasALoopOfItsOwn) {
  OpenHub();
  constexpr int kRounds = 50;
  std::vector<std::thread> hosts;
  for (const std::string name : {"algo-2", "algo-3", "algo-4"}) {
    hosts.emplace_back([this, name, options = MemberDefaults(name)] {
      auto own = EventLoop::Make();
      ASSERT_TRUE(own);
      bool over = false;
      std::unique_ptr<Member> member;
      auto opened = Member::Open(**own, options,
                                 {.joined = [&] { member->Send({{"n", 0}}); },
                                  .received = [&](const Message& m) { member->Send(m); },
                                  .left = [&] { over = true; },
                                  .lost = [&](bool, const std::string&) { over = true; }});
      ASSERT_TRUE(opened);
      member = *std::move(opened);
      while (!over) (*own)->WaitAndRun(milliseconds(1'000));
    });
  }
  size_t answered = 0;
  Until([&] {
    for (; answered < story.size(); ++answered) {
      const std::string& line = story[answered];
      if (line.contains(": ")) hub->Send(line.substr(0, line.find(':')), {{"n", 1}});
    }
    return hub->absent().empty() && story.size() >= size_t{3} * kRounds;
  });
  bool closed = false;
  hub->Close([&] { closed = true; });
  Until([&] { return closed; });
  for (std::thread& host : hosts) host.join();
  for (const std::string& line : story) EXPECT_FALSE(line.contains("lost")) << line;
}

}  // namespace
}  // namespace berth::cluster
