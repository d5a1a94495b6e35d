// A host's name looked up beside the event loop: getaddrinfo() blocks for seconds where a DNS
// server does not answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/event_loop.h"
#include "core/resolve.h"

namespace berth::cluster {

/// Called in a thread of its own; may block.
using Lookup =
    std::function<Result<std::vector<SocketAddress>>(const std::string& host, uint16_t port)>;

/// Asks the system (core/resolve.h).
Result<std::vector<SocketAddress>> LookUp(const std::string& host, uint16_t port);

/// One thread for each lookup, detached, with all signals blocked (a supervisor in the main thread
/// waits for them). It shares with the Resolver only where its answer goes: a Resolver may be
/// destroyed while it is still looking.
class Resolver {
 public:
  using Answer = std::function<void(Result<std::vector<SocketAddress>>)>;

  explicit Resolver(EventLoop& loop, Lookup lookup) : loop_(loop), lookup_(std::move(lookup)) {}
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Calls `answer` once from the loop; it may destroy this. One at a time.
  [[nodiscard]] Result<void> Start(const std::string& host, uint16_t port, Answer answer);

 private:
  struct Question;
  void OnAnswer();

  EventLoop& loop_;
  const Lookup lookup_;
  std::shared_ptr<Question> question_;
  Answer answer_;
};

}  // namespace berth::cluster
