// The side of every host but the master (hub.h) of the link between the berths of a job's hosts.
//
// Resolves the master's name, connects and proves the key, again and again until it has joined: the
// master may come up later than this host, and its name may not resolve at first. After that a
// link that is lost stays lost: there is no second connection.
//
// One thread, that of the EventLoop, which must outlive the Member. (A name is looked up in a
// thread of its own, with all signals blocked, that touches nothing of the Member's and may outlive
// it by the seconds of a DNS server that does not answer; once joined there is none.) Nothing here
// blocks. Events are called from EventLoop::RunReady() only, never from within a call to the
// Member; they may call anything of it, and may destroy it: then no further event comes, and the
// event that did so runs to its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/hub.h"
#include "cluster/resolver.h"
#include "cluster/timing.h"
#include "core/error.h"
#include "core/event_loop.h"

namespace berth::cluster {

struct MemberOptions {
  /// The master, by the name that HubOptions::name has.
  std::string hub;
  uint16_t port = kDefaultPort;
  /// This host, by the name that HubOptions::members has.
  std::string name;
  /// As HubOptions::key.
  std::string key;
  /// From Open() until it has joined.
  std::chrono::milliseconds deadline = kJoinDeadline;
  Timing timing;
  /// Resolves the master's name, in a thread of its own. Tests and benchmarks have others.
  Lookup lookup = LookUp;
};

class Member {
 public:
  /// `joined` once, then any number of `received`, then `left` or `lost`; or only `lost`. After
  /// `left` and `lost` nothing comes. None of them may be empty.
  struct Events {
    std::function<void()> joined;
    std::function<void(const Message& message)> received;
    /// The master closed the link in order (Hub::Close()): all that it sent has been received.
    std::function<void()> left;
    /// `was_joined`: the master ended without a word, was not heard for Timing::silence, or broke
    /// the protocol; `why` completes `the master "algo-1" was lost: `. Otherwise it could not be
    /// joined: not before the deadline, or it refused us; `why` is a whole sentence that says what
    /// to do.
    std::function<void(bool was_joined, const std::string& why)> lost;
  };

  /// Begins at once. An error means that this host's surroundings failed.
  [[nodiscard]] static Result<std::unique_ptr<Member>> Open(EventLoop& loop, MemberOptions options,
                                                            Events events);

  /// Closes the connection at once; what was not flushed() may be lost. See Close().
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  /// As Hub::Send(). While not joined: nothing is sent.
  bool Send(const Message& message);

  /// All that was sent has been given to the kernel. (Only Close() knows that it has arrived.)
  bool flushed() const;

  /// The orderly end: all that was sent arrives, and then the master is told `left`. Calls `closed`
  /// (from the loop) when it has read it, or after Timing::close; no other event is called any
  /// more. Once.
  void Close(std::function<void()> closed);

  bool joined() const { return link_ != nullptr; }

 private:
  struct Attempt;
  /// Why there is no link yet. Each is told once.
  enum class Trouble : uint8_t { kName, kConnection, kStranger, kKey, kVersion, kTaken };

  Member(EventLoop& loop, MemberOptions options, Events events);
  void Resolve();
  void OnResolved(Result<std::vector<SocketAddress>> addresses);
  void TryNext();
  void OnAttempt();
  void OnHandshake();
  void OnBroken();
  void DropAttempt();
  void Note(Trouble trouble, const std::string& what);
  void Retry();
  void Join();
  void GiveUp(std::string why);
  void OnDeadline();
  void StopTrying();
  void OnEnd(LinkEnd end, const std::string& why);

  EventLoop& loop_;
  const MemberOptions options_;
  // Shared with whoever calls one of them: it may destroy this Member meanwhile.
  std::shared_ptr<const Events> events_;
  std::unique_ptr<Resolver> resolver_;
  std::vector<SocketAddress> addresses_;  // those not tried yet, the next one last
  std::unique_ptr<Attempt> attempt_;
  EventLoop::Timer deadline_ = 0;
  EventLoop::Timer retry_ = 0;
  std::chrono::milliseconds pause_;
  std::string trouble_;                                        // the last one, for people
  std::set<Trouble> told_;                                     // in the log
  bool refused_ = false;                                       // in this round of addresses
  std::optional<EventLoop::Clock::time_point> refused_since_;  // in each round since
  std::shared_ptr<Link> link_;
  std::function<void()> closed_;
  EventLoop::Timer close_deadline_ = 0;
};

}  // namespace berth::cluster
