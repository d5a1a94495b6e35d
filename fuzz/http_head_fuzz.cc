// Heads, chunked bodies and compressed bodies of a stranger. The first byte says which, the second
// how the rest arrives in pieces: the outcome must not depend on that.
#include <cstdint>
#include <cstdlib>

#include "serving/http/chunks.h"
#include "serving/http/head.h"
#include "serving/http/unpacker.h"

namespace berth::serving::http {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

/// The length of the head, 0 where it is not whole, -1 where it is refused.
long FindHead(std::string_view bytes, size_t piece) {
  HeadScanner scanner;
  for (size_t end = piece;; end += piece) {
    const auto size = scanner.Find(bytes.substr(0, end));
    if (!size) return -1;
    if (*size > 0 || end >= bytes.size()) return static_cast<long>(*size);
  }
}

void Head(std::string_view bytes, size_t piece) {
  const long size = FindHead(bytes, bytes.size() + 1);
  const long in_pieces = FindHead(bytes, piece);
  Check(in_pieces == size);
  if (size <= 0) return;
  std::vector<Header> headers;
  ParsedHead parsed;
  if (ParseHead(bytes.substr(0, static_cast<size_t>(size)), headers, parsed)) return;
  Check(IsToken(parsed.head.method) && !parsed.head.path.empty());
  Check(parsed.framing == Framing::kChunked || parsed.head.content_length == parsed.length);
  for (const Header& header : headers) Check(IsToken(header.name) && IsFieldValue(header.value));
}

struct Decoded {
  std::string body;
  size_t used = 0;
  bool failed = false;
  bool ended = false;

  bool operator==(const Decoded&) const = default;
};

Decoded Decode(std::string_view bytes, size_t piece) {
  ChunkDecoder chunks;
  Decoded decoded;
  while (decoded.used < bytes.size() && !chunks.ended() && !decoded.failed) {
    std::string_view input = bytes.substr(decoded.used, piece);
    const size_t before = input.size();
    const auto data = chunks.Next(input);
    decoded.failed = !data;
    if (data) decoded.body += *data;
    decoded.used += before - input.size();
  }
  decoded.ended = chunks.ended();
  return decoded;
}

void Unpack(Coding coding, std::string_view bytes, size_t piece) {
  constexpr size_t kLimit = 100'000;
  Unpacker unpacker(coding);
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    std::string_view input = bytes.substr(at, piece);
    while (!input.empty() || unpacker.more()) {
      if (unpacker.Feed(input, out, 1000) || out.size() > kLimit) return;
    }
  }
}

}  // namespace
}  // namespace berth::serving::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace berth::serving::http;
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t piece = data[1] % 32 + 1;
  switch (data[0] % 4) {
    case 0:
      Head(bytes, piece);
      break;
    case 1:
      Check(Decode(bytes, piece) == Decode(bytes, bytes.size() + 1));
      break;
    case 2:
      Unpack(Coding::kGzip, bytes, piece);
      break;
    default:
      Unpack(Coding::kDeflate, bytes, piece);
      break;
  }
  return 0;
}
