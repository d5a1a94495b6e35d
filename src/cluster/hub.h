// The master's side of the link between the berths of a job's hosts.
//
// The master (first host) listens on all its interfaces; every other host connects (member.h). Both
// prove that they know the job's key before either believes the other anything, and every frame
// after that carries a MAC: content is authenticated, not encrypted. A stranger (a port scanner,
// one without the key, one who sends garbage or nothing, ten thousand of them) costs a bounded
// number of descriptors and lines of the log, and nothing else.
//
// One thread, that of the EventLoop, which must outlive the Hub. Nothing here blocks. Events are
// called from EventLoop::RunReady() only, never from within a call to the Hub; they may call
// anything of the Hub, and may destroy it: then no further event comes, and the event that did so
// runs to its end.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/timing.h"
#include "core/descriptor.h"
#include "core/error.h"
#include "core/event_loop.h"
#include "core/json.h"

namespace berth::cluster {

using Message = json::Object;

class Link;
enum class LinkEnd : uint8_t;

struct HubOptions {
  /// This host, as the members call it.
  std::string name;
  /// The other hosts. A peer that calls itself otherwise is refused, even if it knows the key.
  std::vector<std::string> members;
  /// What all hosts of the job were given and nobody else knows; any bytes, not empty.
  std::string key;
  /// 0: any free one, see Hub::port().
  uint16_t port = kDefaultPort;
  Timing timing;
};

class Hub {
 public:
  /// `joined` comes first for a host; then any number of `received`; then `left` or `lost`, and
  /// nothing after it, unless the host joins anew. None of them may be empty.
  struct Events {
    /// The host has proved the key. It has not sent anything yet.
    std::function<void(const std::string& host)> joined;
    std::function<void(const std::string& host, const Message& message)> received;
    /// It closed the link in order (Member::Close()): all that it sent has been received.
    std::function<void(const std::string& host)> left;
    /// It ended without a word, or was not heard for Timing::silence, or broke the protocol. `why`
    /// completes `host "algo-2" was lost: `.
    std::function<void(const std::string& host, const std::string& why)> lost;
  };

  /// Listens at once. The error says what to do, for the user.
  ///
  /// Raises the process's soft limit of open files where it is too low for so many members, and
  /// fails where the hard limit is.
  [[nodiscard]] static Result<std::unique_ptr<Hub>> Open(EventLoop& loop, HubOptions options,
                                                         Events events);

  /// Closes all connections at once; what was not flushed() may be lost. See Close().
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// Sends in order; never blocks. To a host that is not joined: nothing. A host that leaves more
  /// than kMaxQueued unread is lost. False, and an error in the log, where the message is larger
  /// than kMaxMessage as JSON (non-ASCII and control characters are up to six times as long there):
  /// then nothing is sent.
  bool Send(const std::string& host, const Message& message);
  /// The same to all that are joined.
  bool Broadcast(const Message& message);

  /// All that was sent has been given to the kernel. (Only Close() knows that it has arrived.)
  bool flushed() const;

  /// The orderly end: all that was sent arrives, and then the members are told `left`. Calls
  /// `closed` (from the loop) when all have read it, or after Timing::close; no other event is
  /// called any more. Once.
  void Close(std::function<void()> closed);

  bool joined(const std::string& host) const;
  /// Those of the members that are not joined, in the order of the options.
  std::vector<std::string> absent() const;

  /// Where it listens.
  uint16_t port() const { return port_; }

 private:
  struct Caller;
  using Callers = std::list<Caller>;

  Hub(EventLoop& loop, HubOptions options, Events events);
  Result<void> Listen();
  Result<void> MakeRoom();
  void Accept();
  void PauseAccepting();
  void OnCaller(Callers::iterator caller);
  void Judge(Callers::iterator caller);
  void Admit(Callers::iterator caller, std::string host);
  void Drop(Callers::iterator caller);
  void TellStranger(const std::string& who, const std::string& what);
  void OnEnd(const std::string& host, LinkEnd end, const std::string& why);
  void CheckClosed();

  EventLoop& loop_;
  const HubOptions options_;
  // Shared with whoever calls one of them: it may destroy this Hub meanwhile.
  std::shared_ptr<const Events> events_;
  Descriptor listener_;
  uint16_t port_ = 0;
  EventLoop::Timer accept_again_ = 0;
  Callers callers_;  // oldest first
  std::map<std::string, std::shared_ptr<Link>> links_;
  std::set<std::string> told_of_key_;
  int stranger_lines_ = 0;
  std::function<void()> closed_;
  EventLoop::Timer close_deadline_ = 0;
};

}  // namespace berth::cluster
