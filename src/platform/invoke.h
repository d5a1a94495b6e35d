// `berth local invoke`: one request to an endpoint on this machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth::platform {

struct InvokeOptions {
  /// "-": stdin.
  std::string file{};
  uint16_t port = 8080;
  /// Empty: ContentTypeOf(file).
  std::string content_type{};
  /// Empty: the server's choice.
  std::string accept{};
  /// The longest time without a byte from the server, or one that it takes.
  std::chrono::seconds silence{90};
  /// Where the answer's body goes, byte for byte.
  int out_fd = 1;
};

inline constexpr int kInvokeAnswered = 0;
inline constexpr int kInvokeFailed = 1;   // no answer, half of one, or one of 400 and above
inline constexpr int kInvokeRefused = 2;  // nothing was sent

/// By the file's suffix, in any case; application/octet-stream for an unknown one,
/// application/json for "-".
std::string_view ContentTypeOf(std::string_view file);

/// POSTs the file to http://127.0.0.1:<port>/invocations and passes the answer on while it comes:
/// neither is held in memory. Says on our log what went wrong; returns one of the codes above.
/// SIGPIPE must be ignored.
int Invoke(const InvokeOptions& options);

}  // namespace berth::platform
