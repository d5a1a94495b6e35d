// The times and bounds of the link between a job's hosts, each with its reason, in one place.
//
// docs/how-a-job-stops.md says what follows from them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace berth::cluster {

/// Where the master's berth listens, unless BERTH_CONTROL_PORT says otherwise. Below the range that
/// the kernel gives to outgoing connections, and none of the contract's (7777 is torchrun's).
inline constexpr uint16_t kDefaultPort = 7788;

/// How long hosts wait for each other at the start, as in the reference. Hosts of a large job are
/// provisioned minutes apart, and each brings in its code first.
inline constexpr std::chrono::minutes kJoinDeadline{60};

/// What depends on the network. Tests shorten it; a job uses it as it is.
struct Timing {
  /// Each side says so often that it lives. What is lost in a cut was sent up to this long after
  /// what was heard last: see `silence`.
  std::chrono::milliseconds heartbeat{250};
  /// A peer that was not heard for so long is lost. A cut of 5 s must pass: the kernel sends a lost
  /// segment again after 0.2 s, 0.4 s, 0.8 s …, and the first one after such a cut may be due as
  /// late as 6.4 s after it was sent, or 7 s where acknowledgements come late. (Since Linux 6.15 we
  /// can ask for one each second: see TuneSocket().) And a host that is gone must be known soon
  /// enough that the job has ended everywhere after 10 s.
  std::chrono::milliseconds silence{7'500};
  /// From the start of a connection until both sides have proved the key: a stranger's connection
  /// lives no longer. Enough for a segment that is lost twice.
  std::chrono::milliseconds handshake{5'000};
  /// Pauses of a member between two tries, twice as long each time. The last one is what a member
  /// may come late by after the master has begun to listen.
  std::chrono::milliseconds first_retry{50};
  std::chrono::milliseconds last_retry{1'000};
  /// A refusal that may pass by itself (the key is another one: the name may still lead to a host
  /// of the job before; the name has joined: that host may be dead and not yet lost) is final after
  /// so long: four times `silence`.
  std::chrono::milliseconds patience{30'000};
  /// How long an orderly end waits until the peers have read all. Within the 2 s in which a job
  /// that ended well ends on all hosts.
  std::chrono::milliseconds close{1'000};
};

/// The largest message, as JSON. The largest we know tells all hosts the facts of all: 200 bytes
/// for each of a thousand.
inline constexpr size_t kMaxMessage = size_t{512} << 10;

/// A peer that lets so much wait is lost: it sends heartbeats and reads nothing.
inline constexpr size_t kMaxQueued = size_t{4} << 20;

/// Connections that have not proved anything yet. One more closes the oldest: a member is through
/// after three ways of the network, a stranger that waits is not.
inline constexpr size_t kMaxPending = 256;

/// Lines of the log about strangers, all in all.
inline constexpr int kMaxStrangerLines = 10;

/// Longest host name: DNS has 253.
inline constexpr size_t kMaxName = 255;

}  // namespace berth::cluster
