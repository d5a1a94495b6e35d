// What is sent over a connection that both ends have proved: frames, each with a MAC over its place
// in the order, so that none can be changed, left out, repeated or sent back unseen.
//
// A frame: 4 bytes length of the body, big-endian; the body (1 byte kind, then the content);
// 32 bytes HMAC-SHA256 under the key of this direction, over 8 bytes sequence number, length, body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/proof.h"
#include "cluster/timing.h"
#include "core/error.h"

namespace berth::cluster {

enum class FrameKind : char {
  /// "I live." No content.
  kHeartbeat = 'h',
  /// Content: a JSON object.
  kMessage = 'm',
  /// "This was all." No content; nothing follows.
  kBye = 'b',
};

class FrameSealer {
 public:
  explicit FrameSealer(const Digest& key) : key_(key) {}

  /// Appends the frame to `output`. At most kMaxMessage bytes of content.
  void Seal(FrameKind kind, std::string_view content, std::string& output);

 private:
  Digest key_;
  uint64_t next_ = 0;
};

struct Frame {
  FrameKind kind = FrameKind::kHeartbeat;
  /// Into the input.
  std::string_view content;
};

class FrameOpener {
 public:
  explicit FrameOpener(const Digest& key) : key_(key) {}

  /// Takes one frame from the front of `input`. False: it is not there as a whole yet, and nothing
  /// was taken. After an error nothing of this connection can be believed any more. The error
  /// completes `host "algo-2" was lost: `.
  [[nodiscard]] Result<bool> Next(std::string_view& input, Frame& frame);

 private:
  Digest key_;
  uint64_t next_ = 0;
};

}  // namespace berth::cluster
