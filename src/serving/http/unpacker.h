// Unpacking a request body that is sent with Content-Encoding gzip or deflate.
#pragma once

#include <zlib.h>

#include <optional>
#include <string>
#include <string_view>

#include "serving/http/head.h"

namespace berth::serving::http {

/// gzip: one member or several in a row. deflate: with zlib's frame, as the standard has it, or
/// bare, as some clients send it. Checksums are compared.
class Unpacker {
 public:
  explicit Unpacker(Coding coding) : coding_(coding) {}
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  ~Unpacker();

  /// Takes from the front of `input` and appends to `out`, at most `at_most` bytes (> 0) a call: a
  /// few bytes may hold gigabytes. To be called while there is input or more() waits.
  std::optional<Fault> Feed(std::string_view& input, std::string& out, size_t at_most);

  /// Output was left inside when `at_most` was reached.
  bool more() const { return more_; }

  /// The input was whole.
  bool ended() const { return ended_; }

 private:
  Coding coding_;
  bool started_ = false;
  bool ended_ = false;
  bool more_ = false;
  z_stream zlib_{};
};

}  // namespace berth::serving::http
