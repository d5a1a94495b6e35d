// HTTP/1.1 on one port: connections, limits and deadlines. Knows nothing of what is served.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/error.h"
#include "serving/http/service.h"

// Nobody pays for Asio's headers who only passes the loop on.
namespace boost::asio {
class io_context;
}

namespace berth::serving::http {

struct Limits {
  /// Of a body, after it is decompressed: 413.
  uint64_t body = uint64_t{100} << 20;
  /// Of request line and headers: 431.
  size_t head = size_t{32} << 10;
  /// Connections at once; further ones wait in the kernel's queue.
  size_t connections = 16'384;
  /// From the first byte of a head to its last: 408.
  std::chrono::milliseconds head_time{10'000};
  /// Between two pieces of a body: 408. A body must also move at `slowest` bytes a second.
  std::chrono::milliseconds body_pause{20'000};
  uint64_t slowest = 1024;
  /// A connection without a request is closed after that.
  std::chrono::milliseconds idle{75'000};
  /// Between two pieces of an answer that the client takes; then the connection is reset. An answer
  /// too must move at `slowest`.
  std::chrono::milliseconds write_pause{30'000};
  /// After an answer that ends the connection while the client may still be sending: how long what
  /// it sends is read and dropped, so that the answer is not lost to a reset. At most that long
  /// between two pieces, six times that in all.
  std::chrono::milliseconds linger{5'000};
};

/// One thread: that of `loop`. `service` and `loop` outlive it.
class Server {
 public:
  /// Binds 0.0.0.0 and, where there is IPv6, [::] to `port` (0: any free one). An error names port
  /// and cause: that another process listens there already.
  [[nodiscard]] static Result<std::unique_ptr<Server>> Listen(boost::asio::io_context& loop,
                                                              uint16_t port, Limits limits,
                                                              Service& service);
  virtual ~Server() = default;

  virtual uint16_t port() const = 0;

  /// No new connections; those whose client has come before that and waits to be accepted are still
  /// taken. Connections without a request are closed when they have been so for a second (the next
  /// request of a busy client may be on its way; closing at once would lose it), others after their
  /// present answer, which says "Connection: close".
  virtual void Drain() = 0;

  /// Connections that are open.
  virtual size_t connections() const = 0;
};

}  // namespace berth::serving::http
