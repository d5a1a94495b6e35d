// Requests and answers over real sockets.
#include "serving/http/server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zlib.h>

#include <boost/asio/io_context.hpp>

#include "serving/http/testing/rig.h"

namespace berth::serving::http {
namespace {

std::string Post(const std::string& path, const std::string& body, const std::string& lines = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + lines +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string Get(const std::string& path, const std::string& lines = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
}

std::string Gzip(const std::string& bytes) {
  z_stream zlib{};
  EXPECT_EQ(deflateInit2(&zlib, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&zlib, bytes.size()), '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  zlib.avail_in = static_cast<uInt>(bytes.size());
  zlib.next_out = reinterpret_cast<Bytef*>(packed.data());
  zlib.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&zlib, Z_FINISH), Z_STREAM_END);
  packed.resize(zlib.total_out);
  deflateEnd(&zlib);
  return packed;
}

std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 253);
  return bytes;
}

TEST(HttpServer, KeepsTheConnectionAndCountsBytes) {
  Rig rig;
  Client client(rig.port());
  client.Send(Get("/fixed"));
  const Answer first = client.Read();
  EXPECT_EQ(first.status, 200u);
  EXPECT_EQ(first.body, "fixed");
  EXPECT_TRUE(first.Has("\r\nDate: "));
  EXPECT_TRUE(first.Has("\r\nContent-Type: text/plain\r\n"));
  EXPECT_FALSE(first.Has("Connection:"));
  client.Send(Post("/echo", "hello"));
  const Answer second = client.Read();
  EXPECT_EQ(second.body, "hello");
  const auto ended = rig.AwaitEnded(2);
  EXPECT_EQ(ended[1].target, "/echo");
  EXPECT_EQ(ended[1].bytes_in, Post("/echo", "hello").size());
  EXPECT_EQ(ended[1].bytes_out, second.head.size() + 5);
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  Rig rig;
  Client client(rig.port());
  client.Send(Post("/hold", "first") + Post("/echo", "second") + Get("/fixed") +
              Post("/none", "x") + "\r\n" + Post("/echo", ""));
  rig.AwaitHeld(1);
  client.Send(Post("/echo", "last"));
  rig.Release();
  EXPECT_EQ(client.Read().body, "first");
  EXPECT_EQ(client.Read().body, "second");
  EXPECT_EQ(client.Read().body, "fixed");
  EXPECT_EQ(client.Read().status, 404u);
  EXPECT_EQ(client.Read().body, "");
  EXPECT_EQ(client.Read().body, "last");
}

TEST(HttpServer, ManyPipelinedRequestsInAnyPieces) {
  Rig rig;
  Client client(rig.port());
  std::string all;
  for (int i = 0; i < 400; ++i) all += Post("/echo", std::to_string(i) + Pattern(i * 7 % 3000));
  for (size_t at = 0; at < all.size(); at += 1777) {
    client.Send(std::string_view(all).substr(at, 1777));
  }
  for (int i = 0; i < 400; ++i) {
    ASSERT_EQ(client.Read().body, std::to_string(i) + Pattern(i * 7 % 3000)) << i;
  }
}

TEST(HttpServer, RequestsThatArriveByteByByte) {
  Rig rig;
  Client client(rig.port());
  const std::string bytes = Post("/echo", "abc") +
                            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "2\r\nde\r\n1;x\r\nf\r\n0\r\n\r\n" +
                            Get("/fixed");
  for (const char c : bytes) client.Send({&c, 1});
  EXPECT_EQ(client.Read().body, "abc");
  EXPECT_EQ(client.Read().body, "def");
  EXPECT_EQ(client.Read().body, "fixed");
}

TEST(HttpServer, OldClientsAreClosedUnlessTheyAsk) {
  Rig rig;
  Client closed(rig.port());
  closed.Send("GET /fixed HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(closed.Read().Has("\r\nConnection: close\r\n"));
  EXPECT_EQ(closed.ReadToEnd(), "");
  Client kept(rig.port());
  kept.Send("GET /fixed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(kept.Read().Has("\r\nConnection: keep-alive\r\n"));
  kept.Send(Get("/fixed", "Connection: close\r\n"));
  EXPECT_TRUE(kept.Read().Has("\r\nConnection: close\r\n"));
  EXPECT_EQ(kept.ReadToEnd(), "");
}

TEST(HttpServer, HeadHasTheLengthAndNoBody) {
  Rig rig;
  Client client(rig.port());
  client.Send("HEAD /fixed HTTP/1.1\r\nHost: x\r\n\r\n" + Get("/fixed"));
  EXPECT_TRUE(client.Read(true).Has("\r\nContent-Length: 5\r\n"));
  EXPECT_EQ(client.Read().body, "fixed");
}

TEST(HttpServer, BodiesOfAllSizesAndKinds) {
  Rig rig;
  Client client(rig.port());
  for (const size_t size : {size_t{0}, size_t{1}, size_t{kInlineBody}, size_t{kInlineBody} + 1,
                            size_t{100'000}, size_t{5'000'000}}) {
    const std::string body = Pattern(size);
    for (const char* path : {"/echo", "/own", "/pinned", "/file"}) {
      client.Send(Post(path, body));
      ASSERT_TRUE(client.Read().body == body) << path << " " << size;
    }
  }
  rig.AwaitNothingAlive();
}

TEST(HttpServer, ChunkedAndCompressedBodies) {
  Rig rig;
  Client client(rig.port());
  const std::string body = Pattern(300'000);
  const std::string packed = Gzip(body);
  client.Send(Post("/echo", packed, "Content-Encoding: gzip\r\n"));
  EXPECT_TRUE(client.Read().body == body);
  std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  for (size_t at = 0; at < packed.size(); at += 999) {
    const std::string piece = packed.substr(at, 999);
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    chunked += size + piece + "\r\n";
  }
  client.Send(chunked + "0\r\n\r\n" + Get("/fixed"));
  EXPECT_TRUE(client.Read().body == body);
  EXPECT_EQ(client.Read().body, "fixed");
}

TEST(HttpServer, ContinueComesOnlyOnceTheRequestIsTaken) {
  Rig rig;
  const std::string expect = "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  Client taken(rig.port());
  taken.Send("POST /echo HTTP/1.1\r\nHost: x\r\n" + expect);
  EXPECT_EQ(taken.Read(true).head, "HTTP/1.1 100 Continue\r\n\r\n");
  taken.Send("hello");
  EXPECT_EQ(taken.Read().body, "hello");
  // A body that is there already needs no asking.
  taken.Send("POST /echo HTTP/1.1\r\nHost: x\r\n" + expect + "again");
  EXPECT_EQ(taken.Read().body, "again");

  Client refused(rig.port());
  refused.Send("POST /refused HTTP/1.1\r\nHost: x\r\n" + expect);
  const Answer answer = refused.Read();
  EXPECT_EQ(answer.status, 503u);
  EXPECT_TRUE(answer.Has("\r\nConnection: close\r\n"));
  EXPECT_TRUE(answer.Has("\r\nRetry-After: 1\r\n"));
  EXPECT_EQ(refused.ReadToEnd(), "");
}

TEST(HttpServer, AnAnswerOnTheHeadAloneKeepsTheConnectionPastASmallBody) {
  Rig rig;
  Client client(rig.port());
  client.Send("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n");
  EXPECT_EQ(client.Read().status, 503u);
  client.Send(Pattern(30'000) + Get("/fixed"));
  EXPECT_EQ(client.Read().body, "fixed");
}

TEST(HttpServer, APostWithoutLengthHasAnEmptyBody) {
  Rig rig;
  Client client(rig.port());
  client.Send("POST /fixed HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.Read().body, "fixed");
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  const Answer answer = client.Read();
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.body, "");
  client.Send(Get("/fixed"));
  EXPECT_EQ(client.Read().body, "fixed");
}

TEST(HttpServer, TheServiceIsToldWhoAsks) {
  const Rig rig;
  Client client(rig.port());
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ASSERT_EQ(::getsockname(client.socket(), reinterpret_cast<sockaddr*>(&own), &size), 0);
  client.Send(Get("/peer"));
  EXPECT_EQ(client.Read().body, "127.0.0.1 " + std::to_string(ntohs(own.sin_port)));
}

TEST(HttpServer, TheServiceIsToldWhyARequestWasRefused) {
  Limits limits;
  limits.body = 20'000;
  Rig rig(limits);
  Client large(rig.port());
  large.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20001\r\n\r\n");
  const Answer answer = large.Read();
  EXPECT_EQ(answer.body,
            "{\"error\": \"ContentTooLarge\", \"error-message\": \"the body is larger than this "
            "server allows: at most 20000 bytes (SAGEMAKER_MAX_PAYLOAD_IN_MB)\"}\n");
  Client odd(rig.port());
  odd.Send("GET /fixed HTTP/1.1\nHost: x\n\n");
  EXPECT_EQ(odd.Read().status, 400u);
  const auto ended = rig.AwaitEnded(2);
  EXPECT_EQ(ended[0].request_id, "labelled");
  EXPECT_EQ(ended[0].why,
            "the body is larger than this server allows: at most 20000 bytes "
            "(SAGEMAKER_MAX_PAYLOAD_IN_MB)");
  EXPECT_EQ(ended[1].request_id, "labelled");
  EXPECT_NE(ended[1].why, "");
}

/// The status of the only answer to `bytes`, after which the connection ends in good order.
unsigned StatusOf(const Rig& rig, std::string_view bytes) {
  Client client(rig.port());
  client.TrySend(bytes);
  const Answer answer = client.Read();
  EXPECT_TRUE(answer.Has("\r\nConnection: close\r\n"));
  EXPECT_TRUE(answer.body.starts_with("{\"error\": \""));
  EXPECT_EQ(client.ReadToEnd(), "");
  return answer.status;
}

TEST(HttpServer, LimitsHoldForEveryWayOfSending) {
  Limits limits;
  limits.body = 50'000;
  limits.head = 2'000;
  const Rig rig(limits);
  const std::string large = Pattern(50'001);
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(StatusOf(rig, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50001\r\n\r\n"), 413u);
  EXPECT_EQ(StatusOf(rig, chunked + "c351\r\n" + large + "\r\n0\r\n\r\n"), 413u);
  EXPECT_EQ(
      StatusOf(rig, Post("/echo", Gzip(std::string(50'001, 'x')), "Content-Encoding: gzip\r\n")),
      413u);
  EXPECT_EQ(StatusOf(rig, Get("/fixed", "A: " + std::string(2'000, 'x') + "\r\n")), 431u);
  EXPECT_EQ(StatusOf(rig, "GET /" + std::string(2'000, 'x')), 431u);
  EXPECT_EQ(StatusOf(rig, Post("/echo", "no gzip", "Content-Encoding: gzip\r\n")), 400u);
  EXPECT_EQ(StatusOf(rig, Post("/echo", Gzip("abc").substr(0, 15), "Content-Encoding: gzip\r\n")),
            400u);
  EXPECT_EQ(StatusOf(rig, chunked + "x\r\n"), 400u);
  EXPECT_EQ(StatusOf(rig, Get("/fixed", "Expect: x\r\n")), 417u);
  Client client(rig.port());
  client.Send(Post("/echo", Gzip(std::string(50'000, 'x')), "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(client.Read().body, std::string(50'000, 'x'));
}

TEST(HttpServer, ALargeHeadWithinItsLimitIsTaken) {
  const Rig rig;
  Client client(rig.port());
  const std::string lines = "A: " + std::string(30'000, 'x') + "\r\n";
  client.Send(Get("/fixed") + Post("/echo", Pattern(kInlineBody), lines) + Get("/fixed"));
  EXPECT_EQ(client.Read().body, "fixed");
  EXPECT_EQ(client.Read().body, Pattern(kInlineBody));
  EXPECT_EQ(client.Read().body, "fixed");
}

// The close must not reset the connection while the client is still sending: the answer would be
// lost.
TEST(HttpServer, AClientThatSendsOnReadsItsAnswer) {
  Limits limits;
  limits.body = 1'000;
  const Rig rig(limits);
  const std::string body = Pattern(8'000'000);
  for (int i = 0; i < 5; ++i) {
    Client client(rig.port());
    client.Send(Post("/echo", body));
    EXPECT_EQ(client.Read().status, 413u);
    EXPECT_EQ(client.ReadToEnd(), "");
  }
}

TEST(HttpServer, WhatFollowsARefusedRequestIsNotRead) {
  Rig rig;
  Client client(rig.port());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n"
      "\r\n0\r\n\r\n" +
      Get("/fixed"));
  EXPECT_EQ(client.Read().status, 400u);
  EXPECT_EQ(client.ReadToEnd(), "");
  client.Close();
  rig.AwaitConnections(0);
  EXPECT_EQ(rig.AwaitEnded(1).size(), 1u);
}

TEST(HttpServer, AStatusThatIsNoneIsAnErrorOfTheServer) {
  Rig rig;
  Client client(rig.port());
  client.Send(Post("/nonsense", ""));
  EXPECT_EQ(client.Read().status, 500u);
}

TEST(HttpServer, APortThatIsTakenIsNamed) {
  const Rig rig;
  class Nothing final : public Service {
    std::variant<Response, std::unique_ptr<Exchange>> Begin(const RequestHead&) override {
      return Response();
    }
    void Label(const RequestHead&, Response&) override {}
    void Ended(std::string_view, std::string_view, unsigned, std::string_view, std::string_view,
               uint64_t, uint64_t, std::chrono::nanoseconds) override {}
  } nothing;
  boost::asio::io_context loop;
  const auto server = Server::Listen(loop, rig.port(), {}, nothing);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().message(),
            "port " + std::to_string(rig.port()) +
                " is taken by another process: stop that one, or serve on another port");
}

}  // namespace
}  // namespace berth::serving::http
