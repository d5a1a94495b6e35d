// A server on a free port of its own, in a thread of its own, and clients that write bytes to it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/descriptor.h"
#include "serving/http/server.h"

namespace berth::serving::http {

/// For every wait of a test: no event takes that long.
inline constexpr std::chrono::seconds kTestPatience{20};

/// What Service::Ended() was told.
struct EndedRequest {
  std::string target;
  unsigned status = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  std::string request_id;
  std::string why;
};

class Rig {
 public:
  /// Serves: /fixed "fixed" on the head alone; /echo the body; /hold the body once Release() is
  /// called; /own like /echo, but Place() gives nothing; /pinned and /file like /echo, as those
  /// kinds of body; /peer the client's address; /big a body of `big` bytes; /refused 503 on the
  /// head; /nonsense a status of 42; anything else 404 on the head.
  explicit Rig(Limits limits = {}, size_t big = 0);
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;
  ~Rig();

  uint16_t port() const { return port_; }
  void Drain();
  /// Answers all that is held at /hold.
  void Release();
  /// These wait for it.
  void AwaitHeld(size_t count);
  void AwaitConnections(size_t count);
  std::vector<EndedRequest> AwaitEnded(size_t count);
  /// Exchanges and pinned bodies that are alive: both 0 once nothing is under way.
  void AwaitNothingAlive();

 private:
  class TestService;
  struct Loop;

  template <typename Condition>
  void Await(const char* what, const Condition& condition);
  void InLoop(std::function<void()> what);

  std::unique_ptr<Loop> loop_;
  uint16_t port_ = 0;
  std::thread thread_;
};

struct Answer {
  unsigned status = 0;
  std::string head;  ///< with the blank line
  std::string body;

  bool Has(std::string_view line) const { return head.find(line) != std::string::npos; }
};

class Client {
 public:
  explicit Client(uint16_t port);
  /// Not connected yet.
  Client();
  void Connect(uint16_t port);

  void Send(std::string_view bytes);
  /// Sends until the server takes no more: false where it has closed.
  bool TrySend(std::string_view bytes);
  /// The next answer; of one to HEAD, or a 100, only the head is read. Fails the test where the
  /// connection ends before.
  Answer Read(bool head_only = false);
  /// All until the server closes. nullopt: it reset the connection.
  std::optional<std::string> ReadToEnd();
  void Close() { socket_ = Descriptor(); }
  /// Shuts down the sending side only.
  void SendNoMore();
  /// Closes so that the server sees a reset.
  void Reset();
  int socket() const { return socket_.get(); }

 private:
  Descriptor socket_;
  std::string buffer_;
};

}  // namespace berth::serving::http
