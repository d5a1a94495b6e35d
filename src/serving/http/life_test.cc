// Connections that end, stall, or are many.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serving/http/testing/rig.h"

namespace berth::serving::http {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kHold = "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na";
constexpr std::string_view kFixed = "GET /fixed HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(HttpLife, AClientThatGoesAwayCancelsItsRequest) {
  Rig rig;
  for (const bool says_first : {false, true}) {
    Client client(rig.port());
    client.Send(kHold);
    rig.AwaitHeld(1);
    if (says_first) client.SendNoMore();
    client.Reset();
    rig.AwaitHeld(0);
    rig.AwaitNothingAlive();
    rig.AwaitConnections(0);
  }
  const auto ended = rig.AwaitEnded(2);
  EXPECT_EQ(ended[0].status, 499u);
  EXPECT_EQ(ended[1].status, 499u);
}

// The same where it has sent so much more that nobody reads from it.
TEST(HttpLife, AResetIsSeenWhereThereIsNoRoomToRead) {
  Rig rig;
  Client client(rig.port());
  client.Send(std::string(kHold) + std::string(200'000, 'x'));
  rig.AwaitHeld(1);
  client.Reset();
  rig.AwaitHeld(0);
  EXPECT_EQ(rig.AwaitEnded(1)[0].status, 499u);
}

// `nc -N`, socat and others shut down their sending side behind the request.
TEST(HttpLife, AClientThatWillSendNoMoreGetsItsAnswers) {
  Rig rig;
  for (const std::string& request :
       {std::string(kHold), std::string(kHold) + std::string(kHold),
        std::string("POST /hold HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "1\r\na\r\n0\r\n\r\n"),
        "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\na" +
            std::string(29'999, 'b')}) {
    Client client(rig.port());
    client.Send(request);
    client.SendNoMore();
    const size_t answers = request.size() == 2 * kHold.size() ? 2 : 1;
    for (size_t i = 0; i < answers; ++i) {
      rig.AwaitHeld(1);
      rig.Release();
      const Answer answer = client.Read();
      EXPECT_EQ(answer.status, 200u);
      EXPECT_EQ(answer.body.front(), 'a');
    }
    EXPECT_EQ(client.ReadToEnd(), "");
  }
  rig.AwaitNothingAlive();
  rig.AwaitConnections(0);
}

// Nothing is known of such a client until it is written to; its request goes its way.
TEST(HttpLife, AClientThatOnlyClosesIsAnsweredInVain) {
  Rig rig;
  Client client(rig.port());
  client.Send(kHold);
  rig.AwaitHeld(1);
  client.Close();
  rig.Release();
  EXPECT_EQ(rig.AwaitEnded(1).size(), 1u);
  rig.AwaitNothingAlive();
  rig.AwaitConnections(0);
}

TEST(HttpLife, AClientThatGoesAwayWithinItsBodyCancelsToo) {
  Rig rig;
  for (const char* rest : {"Content-Length: 9\r\n\r\nab", "Content-Length: 99999\r\n\r\nab",
                           "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    Client client(rig.port());
    client.Send(std::string("POST /echo HTTP/1.1\r\nHost: x\r\n") + rest);
  }
  const auto ended = rig.AwaitEnded(3);
  for (const auto& request : ended) EXPECT_EQ(request.status, 499u);
  rig.AwaitNothingAlive();
}

TEST(HttpLife, SlowHeadsAndBodiesAreEndedWith408) {
  Limits limits;
  limits.head_time = limits.body_pause = milliseconds(60);
  Rig rig(limits);
  for (const char* part :
       {"G", "GET / HTTP/1.1\r\nHo", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\na",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na"}) {
    Client client(rig.port());
    client.Send(part);
    EXPECT_EQ(client.Read().status, 408u) << part;
    EXPECT_EQ(client.ReadToEnd(), "");
  }
  rig.AwaitNothingAlive();
}

// A byte now and then keeps every single pause short.
TEST(HttpLife, ABodyThatOnlyTricklesIsEnded) {
  Limits limits;
  limits.body_pause = milliseconds(100);
  limits.slowest = 1'000'000;
  const Rig rig(limits);
  Client client(rig.port());
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n");
  while (client.TrySend("x")) {
    char byte;
    // Waits for up to the answer, else sends on.
    const timeval moment{.tv_sec = 0, .tv_usec = 5000};
    ::setsockopt(client.socket(), SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    if (::recv(client.socket(), &byte, 1, MSG_PEEK) > 0) break;
  }
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(client.socket(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_EQ(client.Read().status, 408u);
}

TEST(HttpLife, AnIdleConnectionIsClosedWithoutAWord) {
  Limits limits;
  limits.idle = milliseconds(60);
  Rig rig(limits);
  Client fresh(rig.port());
  EXPECT_EQ(fresh.ReadToEnd(), "");
  Client used(rig.port());
  used.Send(kFixed);
  EXPECT_EQ(used.Read().body, "fixed");
  EXPECT_EQ(used.ReadToEnd(), "");
  EXPECT_EQ(rig.AwaitEnded(1).size(), 1u);
}

TEST(HttpLife, AClientThatDoesNotReadIsReset) {
  Limits limits;
  limits.write_pause = milliseconds(60);
  Rig rig(limits, size_t{64} << 20);
  Client client(rig.port());
  client.Send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(rig.AwaitEnded(1)[0].status, 499u);
  EXPECT_FALSE(client.ReadToEnd());
  rig.AwaitNothingAlive();
}

TEST(HttpLife, DrainEndsWhatIsIdleAndAnswersWhatIsUnderWay) {
  Rig rig;
  Client idle(rig.port());
  Client busy(rig.port());
  Client late(rig.port());
  idle.Send(kFixed);
  EXPECT_EQ(idle.Read().body, "fixed");
  late.Send(kFixed.substr(0, 10));
  busy.Send(kHold);
  rig.AwaitHeld(1);
  rig.Drain();
  EXPECT_EQ(idle.ReadToEnd(), "");
  late.Send(kFixed.substr(10));
  const Answer finished = late.Read();
  EXPECT_EQ(finished.body, "fixed");
  EXPECT_TRUE(finished.Has("\r\nConnection: close\r\n"));
  rig.Release();
  const Answer answer = busy.Read();
  EXPECT_EQ(answer.body, "a");
  EXPECT_TRUE(answer.Has("\r\nConnection: close\r\n"));
  EXPECT_EQ(busy.ReadToEnd(), "");
  rig.AwaitConnections(0);
}

// Whoever got a connection before the drain gets an answer: the request may be on its way.
TEST(HttpLife, ARequestThatCrossesTheDrainIsAnswered) {
  Rig rig;
  Client used(rig.port());
  used.Send(kFixed);
  EXPECT_EQ(used.Read().body, "fixed");
  Client fresh(rig.port());
  rig.Drain();
  used.Send(kFixed);
  fresh.Send(kFixed);
  EXPECT_EQ(used.Read().body, "fixed");
  EXPECT_EQ(fresh.Read().body, "fixed");
  rig.AwaitConnections(0);
}

TEST(HttpLife, AServerThatGoesEndsEverything) {
  Client idle;
  Client held;
  {
    Rig rig;
    idle.Connect(rig.port());
    held.Connect(rig.port());
    held.Send(kHold);
    rig.AwaitHeld(1);
    rig.AwaitConnections(2);
  }
  EXPECT_EQ(held.ReadToEnd(), "");
  EXPECT_EQ(idle.ReadToEnd(), "");
}

TEST(HttpLife, ConnectionsOverTheLimitWaitTheirTurn) {
  Limits limits;
  limits.connections = 2;
  Rig rig(limits);
  Client first(rig.port());
  Client second(rig.port());
  rig.AwaitConnections(2);
  Client third(rig.port());
  third.Send(kFixed);
  first.Send(kFixed);
  EXPECT_EQ(first.Read().body, "fixed");
  rig.AwaitConnections(2);
  first.Close();
  EXPECT_EQ(third.Read().body, "fixed");
}

/// The soft limit on descriptors, put back at the end.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t limit) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit now = before_;
    now.rlim_cur = std::min(limit, before_.rlim_max);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
    granted_ = now.rlim_cur;
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  rlim_t granted() const { return granted_; }

 private:
  rlimit before_{};
  rlim_t granted_ = 0;
};

TEST(HttpLife, WithoutADescriptorClientsWaitForOne) {
  Rig rig;
  Client first(rig.port());
  first.Send(kFixed);
  EXPECT_EQ(first.Read().body, "fixed");
  Client waiting;
  testing::internal::CaptureStderr();
  {
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    const DescriptorLimit none_left(static_cast<rlim_t>(lowest_free));
    waiting.Connect(rig.port());
    waiting.Send(kFixed);
    // The server is at work all the same.
    first.Send(kFixed);
    EXPECT_EQ(first.Read().body, "fixed");
    rig.AwaitConnections(1);
    first.Close();
    EXPECT_EQ(waiting.Read().body, "fixed");
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("cannot accept a connection: Too many open files; new connections wait until "
                     "one of 1 ends (is `ulimit -n` too low?)"),
            std::string::npos)
      << log;
}

TEST(HttpLife, ThousandsOfIdleConnectionsCostLittle) {
  constexpr size_t kCount = 2000;
  const DescriptorLimit many(3 * kCount);
  if (many.granted() < 2 * kCount + 100) GTEST_SKIP() << "too few descriptors are allowed";
  Rig rig;
  std::vector<Client> clients;
  clients.reserve(kCount);
  const size_t before = ::mallinfo2().uordblks;
  for (size_t i = 0; i < kCount; ++i) {
    clients.emplace_back(rig.port());
    clients.back().Send(kFixed);
    ASSERT_EQ(clients.back().Read().body, "fixed");
  }
  rig.AwaitConnections(kCount);
  const size_t after = ::mallinfo2().uordblks;
  EXPECT_LT((after - before) / kCount, 4096u);
  RecordProperty("bytes_per_connection", static_cast<int>((after - before) / kCount));
  for (size_t i = 0; i < kCount; i += 97) {
    clients[i].Send(kFixed);
    EXPECT_EQ(clients[i].Read().body, "fixed");
  }
  clients.clear();
  rig.AwaitConnections(0);
}

}  // namespace
}  // namespace berth::serving::http
