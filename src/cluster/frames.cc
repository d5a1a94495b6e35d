#include "cluster/frames.h"

#include <cassert>

namespace berth::cluster {
namespace {

constexpr size_t kLengthSize = 4;
constexpr size_t kMaxBody = 1 + kMaxMessage;

void AppendBigEndian(std::string& bytes, uint64_t number, size_t size) {
  for (size_t i = size; i-- > 0;) bytes += static_cast<char>((number >> (8 * i)) & 0xFF);
}

size_t ReadLength(std::string_view bytes) {
  size_t length = 0;
  for (const char byte : bytes.substr(0, kLengthSize)) {
    length = length << 8 | static_cast<unsigned char>(byte);
  }
  return length;
}

Digest MacOf(const Digest& key, uint64_t sequence, std::string_view length_and_body) {
  std::string bytes;
  bytes.reserve(sizeof sequence + length_and_body.size());
  AppendBigEndian(bytes, sequence, sizeof sequence);
  bytes += length_and_body;
  return Hmac(View(key), bytes);
}

}  // namespace

void FrameSealer::Seal(FrameKind kind, std::string_view content, std::string& output) {
  assert(content.size() <= kMaxMessage);
  const size_t start = output.size();
  AppendBigEndian(output, content.size() + 1, kLengthSize);
  output += static_cast<char>(kind);
  output += content;
  output += View(MacOf(key_, next_++, std::string_view(output).substr(start)));
}

Result<bool> FrameOpener::Next(std::string_view& input, Frame& frame) {
  if (input.size() < kLengthSize) return false;
  const size_t length = ReadLength(input);
  // Before the MAC can be: nobody makes us wait for gigabytes.
  if (length == 0 || length > kMaxBody) return Fail("what it sent was changed on the way");
  const size_t signed_size = kLengthSize + length;
  if (input.size() < signed_size + kDigestSize) return false;
  const Digest mac = MacOf(key_, next_, input.substr(0, signed_size));
  if (!EqualInConstantTime(View(mac), input.substr(signed_size, kDigestSize))) {
    return Fail("what it sent was changed on the way");
  }
  ++next_;
  frame.kind = static_cast<FrameKind>(input[kLengthSize]);
  frame.content = input.substr(kLengthSize + 1, length - 1);
  input.remove_prefix(signed_size + kDigestSize);
  if (frame.kind != FrameKind::kHeartbeat && frame.kind != FrameKind::kMessage &&
      frame.kind != FrameKind::kBye) {
    return Fail("it sent something unknown: is its berth of another version?");
  }
  return true;
}

}  // namespace berth::cluster
