// One proved connection between two hosts: frames both ways, heartbeats, and how it ends. Both ends
// are the same.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/frames.h"
#include "cluster/timing.h"
#include "core/descriptor.h"
#include "core/error.h"
#include "core/event_loop.h"
#include "core/json.h"

namespace berth::cluster {

enum class LinkEnd : uint8_t {
  /// The peer said so. All that it sent was received.
  kLeft,
  kLost,
};

/// The message as JSON; an error in the log, and nothing, where that is larger than kMaxMessage.
std::optional<std::string> Encode(const json::Object& message);

/// Belongs to its owner's map or member until Stop(), and to itself while it calls events: these
/// may let go of it.
class Link : public std::enable_shared_from_this<Link> {
 public:
  /// Only from the loop.
  struct Events {
    std::function<void(const json::Object& message)> received;
    /// Once, last, after it has stopped itself. `why` is empty for kLeft.
    std::function<void(LinkEnd end, const std::string& why)> ended;
  };

  /// `socket` is non-blocking and not watched. `input`: what came behind the handshake.
  Link(EventLoop& loop, Descriptor socket, const Digest& send_key, const Digest& receive_key,
       std::string input, const Timing& timing, Events events);
  ~Link() { Stop(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Heartbeats and reading begin, first of all what is in `input`.
  void Begin();

  /// Sends what Encode() gave. Nothing after Bye() and Stop().
  void Send(std::string_view message);
  bool flushed() const { return output_.size() == sent_; }

  /// This end sends nothing more. `ended` comes when the peer has read all and closes; `received`
  /// comes no more.
  void Bye();

  /// Closes at once. No event comes after it.
  void Stop();

 private:
  void OnSocket(uint32_t events);
  /// True where bytes came.
  bool Read();
  void TakeFrames();
  void Write();
  void Beat();
  void ListenFor(std::chrono::nanoseconds time);
  void OnSilence();
  void End(LinkEnd end, std::string why);

  EventLoop& loop_;
  Descriptor socket_;
  FrameSealer sealer_;
  FrameOpener opener_;
  const Timing timing_;
  const Events events_;
  std::string input_;
  std::string output_;
  size_t sent_ = 0;  // of output_
  uint32_t watched_ = 0;
  EventLoop::Clock::time_point heard_;
  EventLoop::Timer beat_ = 0;
  EventLoop::Timer silence_ = 0;
  EventLoop::Timer overflow_ = 0;
  bool leaving_ = false;
  bool shut_ = false;
};

}  // namespace berth::cluster
