#include "platform/answer_reader.h"

#include <gtest/gtest.h>

namespace berth::platform {
namespace {

/// The body and the status of an answer that arrives in pieces of `size`.
std::pair<std::string, int> ReadIn(size_t size, std::string_view answer) {
  std::string body;
  AnswerReader reader([&](std::string_view bytes) {
    body += bytes;
    return Result<void>();
  });
  for (size_t at = 0; at < answer.size(); at += size) {
    if (auto fed = reader.Feed(answer.substr(at, size)); !fed) return {fed.error().message(), -1};
  }
  if (auto end = reader.End(); !end) return {end.error().message(), -1};
  return {reader.status() < 400 ? body : reader.ErrorText(), reader.status()};
}

using Read = std::pair<std::string, int>;

TEST(AnswerReader, TakesAnswersInPiecesOfAnySize) {
  for (const size_t size : {1, 2, 3, 7, 1000}) {
    EXPECT_EQ(ReadIn(size, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"), Read("body", 200));
    EXPECT_EQ(ReadIn(size, "HTTP/1.1 200 OK\r\n\r\nuntil the end"), Read("until the end", 200));
    EXPECT_EQ(ReadIn(size,
                     "HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nabc\r\na;x=1\r\n0123456789\r\n0\r\n\r\n"),
              Read("abc0123456789", 201));
    EXPECT_EQ(ReadIn(size, "HTTP/1.1 204 No Content\r\n\r\n"), Read("", 204));
  }
}

TEST(AnswerReader, ExplainsErrors) {
  EXPECT_EQ(
      ReadIn(5, "HTTP/1.1 415 Unsupported\r\n\r\n{\"error\": \"A\", \"error-message\": \"b\"}"),
      Read("415 Unsupported: A: b", 415));
  EXPECT_EQ(ReadIn(5, "HTTP/1.1 404 A\r\n\r\n{\"error\": \"A\", \"error-message\": \"b\"}"),
            Read("404 A: b", 404));
  EXPECT_EQ(ReadIn(5, "HTTP/1.1 500 Oh\r\n\r\n<html>\n"), Read("500 Oh: <html>", 500));
  EXPECT_EQ(ReadIn(5, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), Read("500 Oh", 500));
}

TEST(AnswerReader, KeepsNoMoreOfAnErrorThanItShows) {
  const Read read =
      ReadIn(1000, "HTTP/1.1 500 Oh\r\n\r\n" + std::string(3 * AnswerReader::kErrorText, 'x'));
  EXPECT_EQ(read.first, "500 Oh: " + std::string(AnswerReader::kErrorText, 'x'));
}

TEST(AnswerReader, RefusesWhatIsNoAnswer) {
  for (const std::string_view answer :
       {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf",
        "220 mail ready\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_EQ(ReadIn(1, answer).second, -1) << answer;
  }
}

TEST(AnswerReader, EndsWithTheSink) {
  AnswerReader reader([](std::string_view) { return Result<void>(Fail("full")); });
  const auto fed = reader.Feed("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
  ASSERT_FALSE(fed.has_value());
  EXPECT_EQ(fed.error().message(), "full");
}

}  // namespace
}  // namespace berth::platform
