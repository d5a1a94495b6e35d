// The answer to an HTTP request, taken apart while it comes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"

namespace berth::platform {

class AnswerReader {
 public:
  /// Gets the body, piece by piece. An Error of it ends the reading.
  using Sink = std::function<Result<void>(std::string_view)>;

  /// Keeps at most kErrorText of the body of an answer of 400 and above; passes others to `sink`.
  explicit AnswerReader(Sink sink);
  ~AnswerReader();

  static constexpr size_t kErrorText = size_t{64} << 10;

  /// Takes what has arrived. Fails where that is not HTTP, and with the sink's Error.
  [[nodiscard]] Result<void> Feed(std::string_view bytes);
  /// The server has closed the connection. Fails where the answer is not complete.
  [[nodiscard]] Result<void> End();

  bool done() const;
  /// 0 before it is known.
  int status() const;
  /// "415 Unsupported Media Type", and, behind a colon, what the body says: of {"error",
  /// "error-message"} both, else its text.
  std::string ErrorText() const;

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
  std::string pending_;  // not taken yet: the beginning of a head or of a chunk's
};

}  // namespace berth::platform
