#include "serving/http/head.h"

#include <gtest/gtest.h>

#include <string>

namespace berth::serving::http {
namespace {

/// What becomes of one head that arrives at once.
struct Parsed {
  std::string bytes;
  std::vector<Header> headers;
  ParsedHead head;
  std::optional<Fault> fault;
  size_t size = 0;

  explicit Parsed(std::string text) : bytes(std::move(text)) {
    HeadScanner scanner;
    const auto found = scanner.Find(bytes);
    if (!found) {
      fault = found.error();
      return;
    }
    size = *found;
    if (size > 0) fault = ParseHead(std::string_view(bytes).substr(0, size), headers, head);
  }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;

  unsigned status() const { return fault ? fault->status : 0; }
};

/// A POST with these header lines besides Host.
std::string Post(const std::string& lines) {
  return "POST /invocations HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
}

TEST(Head, IsTakenApartInPlace) {
  const Parsed parsed(
      "POST /invocations?a=1&b HTTP/1.1\r\nHost: h:8080\r\nX-Amzn-Thing:  \tv w \t\r\n"
      "CONTENT-LENGTH: 12\r\nEmpty:\r\n\r\nbody");
  ASSERT_FALSE(parsed.fault);
  const RequestHead& head = parsed.head.head;
  EXPECT_EQ(parsed.size, parsed.bytes.size() - 4);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/invocations?a=1&b");
  EXPECT_EQ(head.path, "/invocations");
  EXPECT_EQ(head.query, "a=1&b");
  EXPECT_EQ(head.headers.size(), 4u);
  EXPECT_EQ(head.Find("x-amzn-thing"), "v w");
  EXPECT_EQ(head.Find("empty"), "");
  EXPECT_EQ(head.Find("none"), "");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_EQ(parsed.head.framing, Framing::kLength);
  EXPECT_TRUE(parsed.head.keep_alive);
  EXPECT_FALSE(head.compressed);
}

TEST(Head, AnAbsoluteTargetHasAPathToo) {
  EXPECT_EQ(Parsed("GET http://h:1/a/b?c HTTP/1.1\r\nHost: h\r\n\r\n").head.head.path, "/a/b");
  EXPECT_EQ(Parsed("GET http://h?c HTTP/1.1\r\nHost: h\r\n\r\n").head.head.path, "/");
  EXPECT_EQ(Parsed("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").head.head.path, "*");
}

TEST(Head, PiecesOfAnySizeGiveTheSameEnd) {
  const std::string bytes = Post("Content-Length: 3\r\n") + "abc";
  HeadScanner scanner;
  for (size_t size = 1; size < bytes.size() - 3; ++size) {
    ASSERT_EQ(scanner.Find(bytes.substr(0, size)), size_t{0}) << size;
  }
  EXPECT_EQ(scanner.Find(bytes), bytes.size() - 3);
}

TEST(Head, ConnectionAndVersionSayWhetherItIsKept) {
  const auto kept = [](const std::string& version, const std::string& line) {
    const Parsed parsed("GET / HTTP/" + version + "\r\nHost: x\r\n" + line + "\r\n");
    EXPECT_FALSE(parsed.fault);
    return parsed.head.keep_alive;
  };
  EXPECT_TRUE(kept("1.1", ""));
  EXPECT_TRUE(kept("1.2", ""));
  EXPECT_FALSE(kept("1.1", "Connection: Close\r\n"));
  EXPECT_FALSE(kept("1.1", "Connection: keep-alive, TE\r\nConnection: x,close\r\n"));
  EXPECT_FALSE(kept("1.0", ""));
  EXPECT_TRUE(kept("1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(kept("1.0", "Connection: keep-alive, close\r\n"));
}

TEST(Head, ABodyIsAnnouncedInOneWayOnly) {
  EXPECT_EQ(Parsed(Post("Transfer-Encoding: Chunked\r\n")).head.framing, Framing::kChunked);
  EXPECT_FALSE(Parsed(Post("Transfer-Encoding: chunked\r\n")).head.head.content_length);
  EXPECT_TRUE(Parsed(Post("")).head.head.lacks_length);
  EXPECT_FALSE(Parsed(Post("Content-Length: 0\r\n")).head.head.lacks_length);
  EXPECT_FALSE(Parsed("GET / HTTP/1.1\r\nHost: x\r\n\r\n").head.head.lacks_length);
  EXPECT_TRUE(Parsed(Post("Content-Encoding: GZIP\r\nContent-Length: 1\r\n")).head.head.compressed);
  EXPECT_EQ(
      Parsed(Post("Content-Encoding: identity, deflate\r\nContent-Length: 1\r\n")).head.coding,
      Coding::kDeflate);
  EXPECT_TRUE(Parsed(Post("Content-Length: 1\r\nExpect: 100-Continue\r\n")).head.expects_continue);
}

struct Refused {
  std::string bytes;
  unsigned status;
};

TEST(Head, WhatCouldBeReadInTwoWaysIsRefused) {
  using namespace std::string_literals;
  const Refused table[] = {
      // Smuggling.
      {Post("Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
      {Post("Content-Length: 1\r\nContent-Length: 1\r\n"), 400},
      {Post("Content-Length: 1, 1\r\n"), 400},
      {Post("Content-Length: -1\r\n"), 400},
      {Post("Content-Length: +1\r\n"), 400},
      {Post("Content-Length: 0x1\r\n"), 400},
      {Post("Content-Length: 1 1\r\n"), 400},
      {Post("Content-Length: \r\n"), 400},
      {Post("Content-Length: 18446744073709551616\r\n"), 400},
      {Post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
      {Post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400},
      {Post("Transfer-Encoding: chunked, identity\r\n"), 400},
      {Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400},
      {Post("Transfer-Encoding: chunked, chunked\r\n"), 400},
      {Post("Transfer-Encoding: xchunked\r\n"), 400},
      {Post("Transfer-Encoding: \x0b"s + "chunked\r\n"), 400},
      {Post("Transfer-Encoding:\r\n"), 400},
      {Post("Transfer-Encoding : chunked\r\n"), 400},
      {Post("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\nHost: x\n\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400},
      {Post("A: b\r\n c\r\n"), 400},
      {Post("A : b\r\n"), 400},
      {Post("A\r\n"), 400},
      {Post(": b\r\n"), 400},
      {Post("A b: c\r\n"), 400},
      {Post("A: b\0c\r\n"s), 400},
      {Post("A\0: c\r\n"s), 400},
      {Post("A: b\rc\r\n"), 400},
      {Post("A: b\x7f\r\n"), 400},
      {Post("A\xe9: c\r\n"), 400},
      {"POST / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
      // Host.
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {Post("Host: y\r\n"), 400},
      // The request line.
      {"GET /\r\nHost: x\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / http/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.10\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\n", 505},
      {"GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505},
      {"\x16\x03\x01\x02", 400},  // TLS
      {" GET / HTTP/1.1\r\n", 400},
      // What is understood and cannot be done.
      {Post("Expect: 200-ok\r\n"), 417},
      {Post("Content-Encoding: br\r\n"), 415},
      {Post("Content-Encoding: gzip, gzip\r\n"), 415},
  };
  for (const Refused& refused : table) {
    EXPECT_EQ(Parsed(refused.bytes).status(), refused.status)
        << testing::PrintToString(refused.bytes);
  }
}

TEST(Head, TheNumberOfHeadersIsBounded) {
  std::string lines;
  for (size_t i = 0; i < kMaxHeaders - 1; ++i) lines += "A: b\r\n";
  EXPECT_EQ(Parsed(Post(lines)).status(), 0u);
  EXPECT_EQ(Parsed(Post(lines + "A: b\r\n")).status(), 431u);
}

TEST(Head, AFaultLeavesWhatTheAccessLogWants) {
  const Parsed parsed(Post("Expect: x\r\n"));
  EXPECT_EQ(parsed.head.head.method, "POST");
  EXPECT_EQ(parsed.head.head.target, "/invocations");
}

}  // namespace
}  // namespace berth::serving::http
