// What the tests of Hub and Member share: one loop, a hub, members, and peers that misbehave.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/frames.h"
#include "cluster/handshake.h"
#include "cluster/hub.h"
#include "cluster/member.h"
#include "core/log.h"
#include "core/resolve.h"

namespace berth::cluster {

/// A connection to 127.0.0.1 whose bytes the test makes itself. Blocking.
class Raw {
 public:
  explicit Raw(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
  }
  explicit Raw(Descriptor socket) : socket_(std::move(socket)) {}

  void Send(std::string_view bytes) {
    ASSERT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// What has come so far.
  std::string Take() {
    std::string bytes(65536, '\0');
    const ssize_t n = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    over = over || n == 0 || (n < 0 && errno != EAGAIN);
    bytes.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return bytes;
  }
  bool Over() {
    Take();
    return over;
  }

  /// The other end has closed it. After Take().
  bool over = false;

 private:
  Descriptor socket_;
};

/// Lines of the log while it lives.
class CapturedLog {
 public:
  CapturedLog() {
    log::SetSink([this](std::string_view line) { lines.emplace_back(line); });
  }
  ~CapturedLog() { log::SetSink({}); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  /// How many of them have `text` in them.
  size_t Count(std::string_view text) const {
    return static_cast<size_t>(
        std::ranges::count_if(lines, [&](const std::string& line) { return line.contains(text); }));
  }
  std::vector<std::string> lines;
};

class LinksTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = EventLoop::Make();
    ASSERT_TRUE(made);
    loop = *std::move(made);
  }

  HubOptions HubDefaults() const {
    return {.name = "algo-1",
            .members = {"algo-2", "algo-3", "algo-4"},
            .key = "key",
            .port = 0,
            .timing = timing};
  }
  /// What comes to the hub goes into `story`: "algo-2 joined", "algo-2: {...}", "algo-2 left",
  /// "algo-2 lost: why".
  Hub::Events HubTells() {
    return {.joined = [this](const std::string& host) { Tell(host + " joined"); },
            .received = [this](const std::string& host,
                               const Message& message) { Tell(host + ": " + json::Dump(message)); },
            .left = [this](const std::string& host) { Tell(host + " left"); },
            .lost = [this](const std::string& host,
                           const std::string& why) { Tell(host + " lost: " + why); }};
  }
  void OpenHub() { OpenHub(HubDefaults()); }
  void OpenHub(HubOptions options) {
    auto opened = Hub::Open(*loop, std::move(options), HubTells());
    ASSERT_TRUE(opened) << opened.error().message();
    hub = *std::move(opened);
  }

  MemberOptions MemberDefaults(const std::string& name) const {
    return {.hub = "algo-1",
            .port = hub ? hub->port() : uint16_t{1},
            .name = name,
            .key = "key",
            .timing = timing,
            .lookup = [](const std::string&, uint16_t port) {
              return ResolveAddresses("127.0.0.1", port);
            }};
  }
  /// The same at a member: "(algo-2) joined".
  Member::Events MemberTells(const std::string& name) {
    const std::string here = "(" + name + ") ";
    return {.joined = [this, here] { Tell(here + "joined"); },
            .received = [this, here](const Message& m) { Tell(here + json::Dump(m)); },
            .left = [this, here] { Tell(here + "left"); },
            .lost =
                [this, here](bool joined, const std::string& why) {
                  Tell(here + (joined ? "lost: " : "failed: ") + why);
                }};
  }
  void OpenMember(const std::string& name) { OpenMember(name, MemberDefaults(name)); }
  void OpenMember(const std::string& name, MemberOptions options) {
    auto opened = Member::Open(*loop, std::move(options), MemberTells(name));
    ASSERT_TRUE(opened) << opened.error().message();
    members[name] = *std::move(opened);
  }

  void Tell(std::string line) { story.push_back(std::move(line)); }
  bool Told(std::string_view line) const { return std::ranges::find(story, line) != story.end(); }

  /// Runs the loop until that holds; fails the test after a minute.
  void Until(const std::function<bool()>& holds) {
    const auto limit = EventLoop::Clock::now() + std::chrono::minutes(1);
    while (!holds()) {
      loop->WaitAndRun(std::chrono::milliseconds(10));
      if (EventLoop::Clock::now() > limit) {
        std::string all;
        for (const std::string& line : story) all += "\n  " + line;
        FAIL() << "it did not come; what came:" << all;
      }
    }
  }
  void UntilTold(const std::string& line) {
    SCOPED_TRACE(line);
    Until([&] { return Told(line); });
  }

  /// A hub with a member of that name, both joined.
  void Join(const std::string& name) {
    if (!hub) OpenHub();
    OpenMember(name);
    UntilTold(name + " joined");
    UntilTold("(" + name + ") joined");
  }

  /// Handshake by hand; what the hub sends after it is in `raw`. The keys of the session.
  SessionKeys JoinByHand(Raw& raw, const std::string& name, const std::string& behind = "") {
    MemberHandshake handshake("key", "algo-1", name);
    raw.Send(handshake.Hello());
    std::string input;
    std::string output;
    auto state = MemberHandshake::State::kMore;
    Until([&] {
      input += raw.Take();
      state = handshake.Feed(input, output);
      if (!output.empty()) {
        FrameSealer sealer(handshake.keys().to_hub);
        if (!behind.empty()) sealer.Seal(FrameKind::kMessage, behind, output);
        raw.Send(output);
        output.clear();
      }
      return state != MemberHandshake::State::kMore;
    });
    EXPECT_EQ(state, MemberHandshake::State::kWelcome);
    return handshake.keys();
  }

  Timing timing;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<Hub> hub;
  std::map<std::string, std::unique_ptr<Member>> members;
  std::vector<std::string> story;
};

}  // namespace berth::cluster
