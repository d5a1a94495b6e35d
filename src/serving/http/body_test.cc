// Chunked and compressed bodies, and the head of an answer: what needs no socket.
#include <gtest/gtest.h>

#include "serving/http/answer.h"
#include "serving/http/chunks.h"
#include "serving/http/unpacker.h"

namespace berth::serving::http {
namespace {

struct Decoded {
  std::string body;
  std::string rest;
  bool ended = false;
  unsigned status = 0;

  bool operator==(const Decoded&) const = default;
};

Decoded Decode(std::string_view bytes, size_t piece) {
  Decoded decoded;
  ChunkDecoder chunks;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    std::string_view input = bytes.substr(at, piece);
    while (!input.empty() && !chunks.ended()) {
      const auto data = chunks.Next(input);
      if (!data) {
        decoded.status = data.error().status;
        return decoded;
      }
      decoded.body += *data;
    }
    decoded.rest += input;
  }
  decoded.ended = chunks.ended();
  return decoded;
}

TEST(Chunks, PiecesOfAnySizeGiveTheSameBody) {
  const std::string bytes =
      "5\r\nhello\r\n00A;name=\"value\"\r\n, worlds!!\r\n0\r\nTrailer: x\r\n\r\nGET /";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    EXPECT_EQ(Decode(bytes, piece),
              (Decoded{.body = "hello, worlds!!", .rest = "GET /", .ended = true}))
        << piece;
  }
}

TEST(Chunks, WhatIsMalformedIsRefused) {
  const std::pair<std::string, unsigned> table[] = {
      {"\r\n", 400},
      {"x\r\n", 400},
      {"-1\r\n", 400},
      {"0x5\r\n", 400},
      {" 5\r\n", 400},
      {"5 \r\n", 400},
      {"5\nhello", 400},
      {"5\r\nhello!", 400},
      {"5\r\nhello\n", 400},
      {"5\r\nhello\rx", 400},
      {"1000000000000000\r\n", 400},
      {"ffffffffffffffff1\r\n", 400},
      {"0000000000000005\r\n", 400},
      {";x\r\n", 400},
      {"5;a\nb\r\n", 400},
      {"0\r\nA : b\r\n\r\n", 400},
      {"0\r\nA: b\n\r\n", 400},
      {"0\r\n b: c\r\n\r\n", 400},
      {"5;" + std::string(ChunkDecoder::kMaxExtensions + 1, 'x'), 400},
      {"0\r\nA: " + std::string(ChunkDecoder::kMaxTrailers, 'x'), 431},
  };
  for (const auto& [bytes, status] : table) {
    EXPECT_EQ(Decode(bytes, 7).status, status) << bytes.substr(0, 40);
  }
}

TEST(Chunks, ExtensionsAreBoundedOverTheWholeBody) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += "1;" + std::string(20, 'x') + "\r\na\r\n";
  EXPECT_EQ(Decode(bytes, bytes.size()).status, 400u);
}

std::string Pack(std::string_view bytes, int window) {
  z_stream zlib{};
  EXPECT_EQ(deflateInit2(&zlib, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&zlib, bytes.size()) + 32, '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  zlib.avail_in = static_cast<uInt>(bytes.size());
  zlib.next_out = reinterpret_cast<Bytef*>(packed.data());
  zlib.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&zlib, Z_FINISH), Z_STREAM_END);
  packed.resize(zlib.total_out);
  deflateEnd(&zlib);
  return packed;
}

constexpr int kGzipWindow = MAX_WBITS + 16;

/// nullopt where it is refused or not whole.
std::optional<std::string> Unpack(Coding coding, std::string_view packed, size_t piece,
                                  size_t at_most) {
  Unpacker unpacker(coding);
  std::string out;
  for (size_t at = 0; at < packed.size(); at += piece) {
    std::string_view input = packed.substr(at, piece);
    while (!input.empty() || unpacker.more()) {
      const size_t before = out.size();
      if (unpacker.Feed(input, out, at_most)) return std::nullopt;
      EXPECT_LE(out.size() - before, at_most);
    }
  }
  if (!unpacker.ended()) return std::nullopt;
  return out;
}

TEST(Unpacker, AnyPiecesInAndOutGiveTheSameBytes) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += std::to_string(i * i);
  for (const size_t piece : {1, 7, 100000}) {
    for (const size_t at_most : {1, 13, 100000}) {
      EXPECT_EQ(Unpack(Coding::kGzip, Pack(text, kGzipWindow), piece, at_most), text);
      EXPECT_EQ(Unpack(Coding::kDeflate, Pack(text, MAX_WBITS), piece, at_most), text);
      EXPECT_EQ(Unpack(Coding::kDeflate, Pack(text, -MAX_WBITS), piece, at_most), text);
      EXPECT_EQ(
          Unpack(Coding::kGzip, Pack("a", kGzipWindow) + Pack(text, kGzipWindow), piece, at_most),
          "a" + text);
    }
  }
}

TEST(Unpacker, WhatIsDamagedOrCutOffIsRefused) {
  const std::string whole = Pack("some text, some text", kGzipWindow);
  EXPECT_FALSE(Unpack(Coding::kGzip, whole.substr(0, whole.size() - 1), 100, 100));
  EXPECT_FALSE(Unpack(Coding::kGzip, "no gzip", 100, 100));
  EXPECT_FALSE(Unpack(Coding::kGzip, whole + "padding", 100, 100));
  EXPECT_FALSE(Unpack(Coding::kDeflate, Pack("x", MAX_WBITS) + "x", 100, 100));
  std::string flipped = whole;
  flipped[whole.size() - 6] ^= 1;  // in the checksum
  EXPECT_FALSE(Unpack(Coding::kGzip, flipped, 100, 100));
}

TEST(Answer, HeadersThatCannotStandOrAreOursAreDropped) {
  Response response;
  response.headers = {{"Content-Type", "a/b"},
                      {"content-length", "7"},
                      {"DATE", "x"},
                      {"Connection", "x"},
                      {"Bad", "a\r\nb: c"},
                      {"B d", "c"},
                      {"", "c"},
                      {"Transfer-Encoding", "x"},
                      {"X-Kept", "caf\xc3\xa9"}};
  response.body = "12345";
  std::string head;
  AppendHead(head, response, AnswerLength(response, false), "Date: d\r\n", AfterAnswer::kClose);
  EXPECT_EQ(head,
            "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Type: a/b\r\nX-Kept: caf\xc3\xa9\r\n"
            "Content-Length: 5\r\nConnection: close\r\n\r\n");
}

TEST(Answer, OnlyAnAnswerToHeadNamesALengthItDoesNotHave) {
  Response response;
  EXPECT_EQ(AnswerLength(response, true), 0U);
  response.headers = {{"content-length", "7"}};
  EXPECT_EQ(AnswerLength(response, true), 7U);
  EXPECT_EQ(AnswerLength(response, false), 0U);
  response.headers = {{"Content-Length", "7x"}};
  EXPECT_EQ(AnswerLength(response, true), 0U);
  response.headers = {{"Content-Length", "7"}};
  response.body = "12345";
  EXPECT_EQ(AnswerLength(response, true), 5U);
}

TEST(Answer, TheDateIsInTheFormOfTheStandard) {
  DateLine date;
  EXPECT_EQ(date.At(784111777), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  EXPECT_EQ(date.At(784111778), "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
}

TEST(Answer, AnErrorIsJsonAndTellsWhenToComeBack) {
  const Response response = ErrorResponse(503, "Service Unavailable", "busy \"now\"");
  EXPECT_EQ(std::get<std::string>(response.body),
            "{\"error\": \"Service Unavailable\", \"error-message\": \"busy \\\"now\\\"\"}\n");
  using Headers = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(response.headers,
            (Headers{{"Content-Type", "application/json"}, {"Retry-After", "1"}}));
  EXPECT_EQ(ErrorResponse(404, "a", "b").headers, (Headers{{"Content-Type", "application/json"}}));
}

}  // namespace
}  // namespace berth::serving::http
