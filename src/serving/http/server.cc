#include "serving/http/server.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <utility>
#include <vector>

#include "core/log.h"
#include "serving/http/connection.h"
#include "serving/http/listen.h"

namespace berth::serving::http {
namespace {

using Executor = boost::asio::io_context::executor_type;
using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;

// Deadlines are looked at no more often than that: they are met this much late at most.
constexpr std::chrono::milliseconds kTick{50};

// Connections taken in a row before those that are there have a turn.
constexpr int kAcceptedAtOnce = 64;

// Without a free descriptor: when to try again, if no connection of ours ends before.
constexpr std::chrono::seconds kOutagePause{1};

class HttpServer final : public Server, public Hub {
 public:
  HttpServer(boost::asio::io_context& its_loop, const Limits& its_limits, Service& its_service,
             Descriptor listener, uint16_t its_port)
      : Hub(its_loop, its_limits, its_service),
        port_(its_port),
        listener_(its_loop.get_executor(), listener.Release()),
        deadlines_(its_loop.get_executor()),
        retry_(its_loop.get_executor()) {
    Listen();
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  ~HttpServer() override {
    *alive_ = false;
    for (const auto& connection : connections_) connection->Abandon();
  }

  uint16_t port() const override { return port_; }
  size_t connections() const override { return connections_.size(); }

  void Drain() override {
    if (draining) return;
    draining = true;
    // Whoever has connected by now would be reset with the listener.
    while (AcceptOne() == Accepted::kOne) {
    }
    boost::system::error_code ignored;
    listener_.close(ignored);
    retry_.cancel();
    for (const auto& connection : Snapshot()) connection->Drain();
  }

  void Watch(TimePoint deadline) override {
    if (deadline >= goes_off_) return;
    Arm(std::max(deadline, Clock::now() + kTick));
  }

  void Closed(Connection& connection) override {
    const size_t at = connection.index;
    std::swap(connections_[at], connections_.back());
    connections_[at]->index = at;
    connections_.pop_back();
    // Without connections there is nothing to look at, and a loop that waits for nothing ends.
    if (connections_.empty() && goes_off_ != TimePoint::max()) {
      goes_off_ = TimePoint::max();
      deadlines_.cancel();
    }
    // There is a descriptor again.
    if (paused_) Listen();
  }

 private:
  enum class Accepted : uint8_t { kOne, kNone, kPause };

  std::vector<std::shared_ptr<Connection>> Snapshot() const { return connections_; }

  void Listen() {
    paused_ = false;
    if (draining || listening_) return;
    listening_ = true;
    listener_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                         [this, alive = alive_](boost::system::error_code error) {
                           if (!*alive) return;
                           listening_ = false;
                           if (!error) Accept();
                         });
  }

  void Accept() {
    for (int i = 0; i < kAcceptedAtOnce; ++i) {
      const Accepted accepted = AcceptOne();
      if (accepted == Accepted::kNone) break;
      if (accepted == Accepted::kPause) {
        paused_ = true;
        return;
      }
    }
    Listen();
  }

  Accepted AcceptOne() {
    if (connections_.size() >= limits.connections) return Accepted::kPause;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    Descriptor socket(::accept4(listener_.native_handle(), reinterpret_cast<sockaddr*>(&peer),
                                &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      outage_ = false;
      auto connection = std::make_shared<Connection>(*this, std::move(socket), AddressOf(peer));
      connection->index = connections_.size();
      connections_.push_back(connection);
      connection->Start();
      return Accepted::kOne;
    }
    switch (errno) {
      case EAGAIN:
        return Accepted::kNone;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        PauseForWant(errno);
        return Accepted::kPause;
      default:
        // The client has gone already, or its network has (accept(2), "Error handling").
        return Accepted::kOne;
    }
  }

  /// The listener stays readable without a free descriptor: waiting for it would spin. Clients wait
  /// in the kernel's queue.
  void PauseForWant(int error) {
    if (!outage_) {
      log::Error("http", "{}; new connections wait until one of {} ends (is `ulimit -n` too low?)",
                 berth::Error::System(error, "cannot accept a connection").message(),
                 connections_.size());
    }
    outage_ = true;
    if (draining) return;
    retry_.expires_after(kOutagePause);
    retry_.async_wait([this, alive = alive_](boost::system::error_code failed) {
      if (!failed && *alive && paused_) Listen();
    });
  }

  void Arm(TimePoint at) {
    goes_off_ = at;
    deadlines_.expires_at(at);
    deadlines_.async_wait([this, alive = alive_](boost::system::error_code failed) {
      if (!failed && *alive) LookAtDeadlines();
    });
  }

  void LookAtDeadlines() {
    goes_off_ = TimePoint::max();
    const TimePoint now = Clock::now();
    TimePoint next = TimePoint::max();
    std::vector<std::shared_ptr<Connection>> late;
    for (const auto& connection : connections_) {
      if (connection->deadline() <= now) {
        late.push_back(connection);
      } else {
        next = std::min(next, connection->deadline());
      }
    }
    if (next != TimePoint::max()) Watch(next);
    for (const auto& connection : late) connection->Expire();
  }

  const uint16_t port_;
  boost::asio::posix::basic_stream_descriptor<Executor> listener_;
  bool listening_ = false;
  bool paused_ = false;  // until a connection ends, or retry_ goes off
  bool outage_ = false;  // said so already
  Timer deadlines_;
  TimePoint goes_off_ = TimePoint::max();  // deadlines_
  Timer retry_;
  std::vector<std::shared_ptr<Connection>> connections_;
  /// Handlers that the loop still holds when this goes.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Listen(boost::asio::io_context& loop, uint16_t port,
                                               Limits limits, Service& service) {
  BERTH_ASSIGN(Descriptor listener, ListenOn(port));
  BERTH_ASSIGN(const uint16_t bound, BoundPort(listener.get()));
  return std::make_unique<HttpServer>(loop, limits, service, std::move(listener), bound);
}

}  // namespace berth::serving::http
