// What the HTTP server asks of the program behind it: three questions for each request.
//
// Everything here happens in the event loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/descriptor.h"

namespace berth::serving::http {

struct Header {
  std::string_view name;
  std::string_view value;
};

/// The head of a request. Views into the connection's memory: good until the answer is written.
struct RequestHead {
  std::string_view method;
  std::string_view target;  ///< as sent: "/invocations?x=1"
  std::string_view path;    ///< of the target, not decoded: "/invocations"
  std::string_view query;   ///< behind the '?', not decoded; empty where there is none
  std::span<const Header> headers;
  /// What the body's length will be; nothing where it is chunked (then the limit holds while it
  /// arrives). 0 where there is none.
  std::optional<uint64_t> content_length;
  /// The body is compressed ("gzip", "deflate"): what the service gets is what it unpacks to.
  /// `content_length`, and Content-Encoding and Content-Length among `headers`, speak of what was
  /// sent.
  bool compressed = false;
  /// POST, PUT or PATCH that says nothing about a body: it has none (RFC 9112, 6.3), and who sent
  /// it may not know that.
  bool lacks_length = false;
  /// The client: its address, a blank, its port. Empty where that is not known.
  std::string_view peer;
  /// When its first byte was read.
  std::chrono::steady_clock::time_point arrived;

  /// The first header of that name, in any case; empty where there is none.
  std::string_view Find(std::string_view name) const;
};

/// Bytes of an answer that stand in somebody else's memory, who learns by `released` that they
/// have been written (or never will be).
struct PinnedBytes {
  std::span<const char> bytes;
  std::shared_ptr<void> owner;
};

/// Bytes of an answer in a file, from its beginning.
struct FileBytes {
  Descriptor file;
  uint64_t size = 0;
};

struct Response {
  unsigned status = 200;
  /// As they are sent, Content-Type among them. Content-Length, Connection, Date and
  /// Transfer-Encoding are the connection's; those given here are dropped (but for the length that
  /// an answer to HEAD without a body names), and so is a header whose name or value could not
  /// stand in a message (control characters).
  std::vector<std::pair<std::string, std::string>> headers;
  std::variant<std::string, PinnedBytes, FileBytes> body;
  /// For the access log; empty where there is none.
  std::string request_id;
  /// For the access log: why, of what ErrorResponse() made.
  std::string why;
  /// No further request on this connection.
  bool close = false;
};

/// The standard's short name of a status: "Not Found"; "Unknown" where it has none.
std::string_view Reason(unsigned status);

/// {"error": …, "error-message": …} with Content-Type application/json, and Retry-After: 1 for 503.
Response ErrorResponse(unsigned status, std::string_view error, std::string_view message);

/// One request on its way. Destroyed by the connection: after the answer was written, or before
/// that, which cancels it, where the client has gone or its body is refused (400, 408, 413).
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Where a body of `length` bytes (known beforehand, not compressed, more than kInlineBody) shall
  /// be received: memory of exactly that size that lives as long as this; or nothing: then the
  /// connection keeps the body itself.
  virtual std::span<char> Place(uint64_t length) = 0;

  using Done = std::move_only_function<void(Response)>;

  /// The body is whole: `body` is what Place() gave, or the connection's memory, which lives until
  /// the answer is written. `done` is to be called once: at once, or later from the loop's thread,
  /// and never after this is destroyed. The call itself destroys nothing: what follows from it
  /// happens when the caller has returned to the loop.
  virtual void Run(std::span<const char> body, Done done) = 0;

  /// After Run(): nothing has begun to work on it.
  virtual bool waiting() const = 0;
};

/// Bodies up to this many bytes are received into the connection's own memory.
inline constexpr uint64_t kInlineBody = uint64_t{16} << 10;

class Service {
 public:
  virtual ~Service() = default;

  /// Decides on the head alone, before a byte of the body is read (or asked for by 100 Continue):
  /// an answer at once, or who takes the request. What can be refused without knowing who takes it
  /// (400, 415, 417, 431, 501, 505, a Content-Length over the limit: 413) does not get here.
  virtual std::variant<Response, std::unique_ptr<Exchange>> Begin(const RequestHead& head) = 0;

  /// An error that is about to be sent without a request_id: the service may give it one. Of a
  /// request that could not be read, `head` may lack the headers.
  virtual void Label(const RequestHead& head, Response& response) = 0;

  /// An answer is written, or the client went away before it was (`status` is 499 then). For
  /// metrics and the access log; also for requests that never reached Begin() (400, 408, 413, 431).
  /// `why`: the answer's; empty where the answer is no ErrorResponse().
  virtual void Ended(std::string_view method, std::string_view target, unsigned status,
                     std::string_view request_id, std::string_view why, uint64_t bytes_in,
                     uint64_t bytes_out, std::chrono::nanoseconds took) = 0;
};

}  // namespace berth::serving::http
