// Taking a chunked body (RFC 9112, 7.1) apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "serving/http/head.h"

namespace berth::serving::http {

/// Extensions are read over and trailers checked and dropped; both are bounded over the whole body
/// (kMaxExtensions, kMaxTrailers bytes), as they are a way to send without end.
class ChunkDecoder {
 public:
  static constexpr size_t kMaxExtensions = 16384;
  static constexpr size_t kMaxTrailers = 8192;

  /// Takes what it can from the front of `input`: the next bytes of the body, a view into it.
  /// Empty: `input` is used up, or the body has ended(), and what is left is the next request's.
  std::expected<std::string_view, Fault> Next(std::string_view& input);

  bool ended() const { return state_ == State::kEnded; }

 private:
  enum class State : uint8_t {
    kSize,
    kExtension,
    kSizeEnd,
    kData,
    kDataEnd,
    kDataEndLine,
    kTrailer,
    kEnded
  };

  std::expected<void, Fault> Take(char c);
  std::expected<void, Fault> TakeSize(char c);
  std::expected<void, Fault> TakeTrailer(char c);

  State state_ = State::kSize;
  unsigned digits_ = 0;
  uint64_t left_ = 0;  // of the present chunk; while its size is read, that size
  size_t extensions_ = 0;
  size_t trailers_ = 0;
  std::string line_;  // of the trailers
};

}  // namespace berth::serving::http
