// One connection: its requests one after the other, read from top to bottom in Serve().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <string>

#include "serving/http/answer.h"
#include "serving/http/head.h"
#include "serving/http/server.h"
#include "serving/http/service.h"
#include "serving/http/task.h"
#include "serving/http/workspace.h"

namespace berth::serving::http {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// What the connections of a server share.
class Hub {
 public:
  Hub(boost::asio::io_context& its_loop, const Limits& its_limits, Service& its_service)
      : loop(its_loop), limits(its_limits), service(its_service) {}
  virtual ~Hub() = default;

  /// Sees to it that a connection whose deadline is `deadline` is told when that has passed, soon
  /// after. Costs nothing where the timer goes off before that anyway.
  virtual void Watch(TimePoint deadline) = 0;
  /// The connection has ended; it is not used after this.
  virtual void Closed(class Connection& connection) = 0;

  boost::asio::io_context& loop;
  const Limits limits;
  Service& service;
  bool draining = false;
  Workspaces workspaces;
  DateLine date;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `socket` is connected and non-blocking. `peer`: as in RequestHead.
  Connection(Hub& hub, Descriptor socket, std::string peer);

  void Start();

  /// When Expire() is to be called; TimePoint::max() where nothing is waited for that could be
  /// late.
  TimePoint deadline() const { return deadline_; }
  void Expire();

  /// The server drains: see Server::Drain().
  void Drain();

  /// Ends at once, without an answer.
  void Abandon();

  size_t index = 0;  ///< the hub's: where it keeps this

 private:
  enum Event : unsigned {
    kReadable = 1,
    kWritable = 2,
    kAnswered = 4,
    kTurn = 8,
    kExpired = 16,
    kReset = 32,  // the connection is gone, as opposed to: will send no more
  };
  /// kEnd: nothing more will come (half_closed_ where the client still reads, as far as one can
  /// tell).
  enum class Got : uint8_t { kBytes, kNothing, kEnd };
  /// Of receiving a body. kFault: fault_ says which.
  enum class Body : uint8_t { kWhole, kGone, kFault };

  /// Waiting for one of `events`, or kExpired.
  class Pause {
   public:
    Pause(Connection& connection, unsigned events, TimePoint deadline)
        : connection_(connection), events_(events), deadline_(deadline) {}
    bool await_ready() const { return (connection_.raised_ & events_) != 0; }
    void await_suspend(std::coroutine_handle<> coroutine);
    /// Those that have come; they are taken back.
    unsigned await_resume();

   private:
    Connection& connection_;
    unsigned events_;
    TimePoint deadline_;
  };

  void Raise(unsigned event);
  void WaitFor(unsigned event);
  Pause NextTurn();

  // connection.cc: the story
  Task<bool> Serve();
  Task<bool> ReadHead();
  std::optional<Fault> TakeHead();
  Task<bool> HandleRequest();
  Task<bool> AwaitAnswer();
  void Run(std::span<const char> body);

  // connection_read.cc
  Got Receive(char* to, size_t size, size_t& received);
  Got Fill();
  Task<Body> ReadBody(Exchange& exchange);
  Task<Body> ReadInline(uint64_t length);
  Task<Body> ReadPlaced(Exchange& exchange, uint64_t length);
  Task<Body> ReadStreamed();
  Task<Body> Unpack(class Unpacker& unpacker, std::string_view packed);
  Task<bool> SkipBody(uint64_t length);
  Task<bool> Linger();
  TimePoint BodyDeadline() const;

  // connection_write.cc
  Task<bool> WriteAnswer(Response& response, bool& keep);
  Task<bool> WriteContinue();
  Task<bool> WriteRest(struct iovec* parts, size_t count);
  Task<bool> WriteFile(int file, uint64_t size);
  TimePoint WriteDeadline() const;
  void Reset();

  void Ended(unsigned status, std::string_view request_id, std::string_view why);

  Hub& hub_;
  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> socket_;
  const std::string peer_;
  TimePoint deadline_ = TimePoint::max();
  TimePoint idle_since_;
  Task<bool> serving_;
  std::coroutine_handle<> suspended_;
  unsigned awaited_ = 0;  // events that resume it
  unsigned raised_ = 0;   // and those that have come
  unsigned waits_ = 0;    // kReadable, kWritable, kReset: a wait is outstanding
  bool idle_ = false;     // suspended without a byte of a request
  bool lingering_ = false;
  bool half_closed_ = false;  // the client has shut down its sending side

  // The present request's.
  std::unique_ptr<Workspace> workspace_;
  HeadScanner scanner_;
  size_t head_size_ = 0;
  ParsedHead parsed_;
  std::optional<Fault> fault_;
  std::unique_ptr<Exchange> exchange_;
  std::string body_;                // where it does not stay in the workspace
  std::unique_ptr<char[]> memory_;  // where Place() gave none
  std::span<const char> whole_body_;
  std::optional<Response> response_;
  uint64_t request_number_ = 0;
  bool running_ = false;  // inside Exchange::Run()
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  TimePoint phase_began_;  // of the body, or of the answer
  uint64_t phase_bytes_ = 0;
};

}  // namespace berth::serving::http
