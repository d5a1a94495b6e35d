// What the hosts of a distributed job tell its leader, and what the leader orders them.
//
// The leader is a part of the master's berth (leader.h); every host, the master as well, has a
// HostRun (host_run.h). Between two hosts these travel as messages of the link (cluster/hub.h).
// Attempts are counted from 0; a word about another attempt than the present one comes too late and
// means nothing.
#pragma once

#include <chrono>
#include <string>
#include <variant>

#include "core/error.h"
#include "core/json.h"
#include "launch/launcher.h"

namespace berth::training {

/// How a job, a host's part of it, or a rank ended. `code` 0: well.
struct Ending {
  int code = 0;
  /// As Failure::type and Failure::message; empty where it ended well.
  std::string type{};
  std::string text{};

  bool operator==(const Ending&) const = default;
};

// --- to the leader ----------------------------------------------------------------------------

/// The host is there, with what others must know of it.
struct HostReady {
  json::Object facts{};
};

/// The host cannot take part: its code could not be brought in, a program is missing.
struct HostUnable {
  Ending ending{};
};

/// The host's command runs, and serves if that is its part. `works`: it has an end of its own.
struct HostServing {
  int attempt = 0;
  bool works = true;
};

/// Whether a failure is likely to have a cause of its own.
enum class Cause {
  kOwn,
  /// A rank ended by SIGKILL: from outside, by the kernel for want of memory; no failure of another
  /// rank does that.
  kKilled,
  /// A launcher that gave up, most often because of one of its ranks; a rank whose `berth rank` was
  /// killed, most often by its launcher.
  kDoubtful,
  /// A rank without a traceback that was ended by SIGTERM, or because its launcher had ended: most
  /// often because of something else.
  kEnded,
};

/// A rank failed, `age` ago.
struct RankFailed {
  int attempt = 0;
  int rank = 0;
  std::chrono::microseconds age{};
  Ending ending{};
  Cause cause = Cause::kOwn;
};

/// The host's work is done, well or not, or what it runs for others ended before its time.
struct HostFinished {
  int attempt = 0;
  std::chrono::microseconds age{};
  Ending ending{};
  Cause cause = Cause::kOwn;
};

/// Told to stop, no rank runs there any more; what started them, and what serves, may.
struct HostQuiet {
  int attempt = 0;
};

/// Nothing of this attempt runs there any more, and all its output is in the log.
struct HostIdle {
  int attempt = 0;
  /// Ranks that had ended with exit code 0 before the order to stop; the first of them.
  std::vector<int> done{};
};

/// The host was asked to stop, by this signal.
struct HostStopping {
  int signal = 0;
};

/// The watchdog of the host has seen something (or, where `text` is empty, ranks print again).
struct HostStalled {
  int attempt = 0;
  /// One such host is enough; otherwise all hosts that have ranks must be silent.
  bool alone = false;
  std::string text{};
};

using Report = std::variant<HostReady, HostUnable, HostServing, RankFailed, HostFinished, HostQuiet,
                            HostIdle, HostStopping, HostStalled>;

// --- from the leader --------------------------------------------------------------------------

struct StartOrder {
  int attempt = 0;
  launch::Facts facts{};
};

/// End what runs: `signal` now, SIGKILL after `grace`.
struct StopAllOrder {
  int attempt = 0;
  int signal = 0;
  std::chrono::milliseconds grace{};
  /// First have every rank write its stacks.
  bool stacks = false;
  /// What serves the ranks of other hosts goes on until the next order: they may still be saving.
  bool serve_on = false;
  /// For the log: why.
  std::string why{};
};

/// The job is over, everywhere.
struct EndOrder {
  Ending ending{};
};

using Order = std::variant<StartOrder, StopAllOrder, EndOrder>;

/// Failures count in the order in which they happened, so an age also takes in its time on the way:
/// by the wall clocks of the hosts, where they agree within kLongestWay (those of the platform do
/// within a millisecond), else not.
inline constexpr std::chrono::seconds kLongestWay{1};

json::Object Encode(const Report& report);
json::Object Encode(const Order& order);
/// The error says what is wrong; its text is for the log only (another version of berth).
[[nodiscard]] Result<Report> DecodeReport(const json::Object& message);
[[nodiscard]] Result<Order> DecodeOrder(const json::Object& message);

/// A text in a message takes no more than this, so that a message is never refused for its size.
inline constexpr size_t kTextLimit = size_t{8} << 10;

}  // namespace berth::training
