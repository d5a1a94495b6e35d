// Decides for all hosts of a distributed job: when they start, whom the job failed by, whether it
// starts again, when it is over. Lives in the master's berth.
//
// States: gathering (until all hosts are ready) → running → stopping (until nothing of the attempt
// runs anywhere) → running again, or over. docs/how-a-job-stops.md tells it for users.
//
// Knows no socket and no process: reports come in, orders go out. In the EventLoop's thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/event_loop.h"
#include "training/distributed/messages.h"

namespace berth::training {

/// After a failure the other ranks get SIGTERM, and SIGKILL so long after: they wait for a dead
/// one, and have nothing to save that the failed attempt had not. With Timing::silence and what
/// Supervise() takes for what a command leaves behind it stays below the ten seconds in which a
/// failed job ends everywhere.
inline constexpr std::chrono::milliseconds kFailureGrace{1'000};
/// What serves ranks (sshd, a parameter server) has this to end, when the work is done.
inline constexpr std::chrono::milliseconds kDoneGrace{1'000};
/// Time for stacks to be written, before anything is killed.
inline constexpr std::chrono::milliseconds kStacksGrace{3'000};
/// A host that does not say within this, and the grace period, that nothing runs on it any more,
/// is not waited for.
inline constexpr std::chrono::milliseconds kIdleDeadline{5'000};
/// All hosts must be ready within this from the leader's start; the reference waits as long.
inline constexpr std::chrono::minutes kReadyDeadline{60};
/// The log says who is missing after this, after twice as long again, and so on.
inline constexpr std::chrono::seconds kFirstMissing{10};
/// A failure before the start is told to hosts that come up within this.
inline constexpr std::chrono::milliseconds kLateHosts{10'000};

struct LeaderOptions {
  /// All that take part, the leader's first.
  std::vector<std::string> hosts;
  int max_restarts = 0;
  /// From the signal of the platform to SIGKILL.
  std::chrono::milliseconds grace{};
};

class Leader {
 public:
  using Send = std::function<void(const std::string& host, const Order& order)>;

  /// `send` must not call back into this. `over` is called once, after the last order.
  Leader(EventLoop& loop, LeaderOptions options, Send send, std::function<void()> over);
  Leader(const Leader&) = delete;
  Leader& operator=(const Leader&) = delete;
  ~Leader();

  void Receive(const std::string& host, const Report& report);
  /// `why` as Hub::Events::lost has it, or that it left.
  void Lost(const std::string& host, const std::string& why);
  /// It can be told now: also of an end that came before it.
  void Joined(const std::string& host);

  /// How the job ended, once it is over.
  const std::optional<Ending>& ending() const { return ending_; }

 private:
  using Clock = EventLoop::Clock;
  enum class State { kGathering, kRunning, kStopping, kOver };
  struct Host {
    bool joined = false;
    bool ready = false;
    bool lost = false;
    json::Object facts;
    // Of the attempt:
    bool serving = false;
    bool works = true;
    bool finished = false;
    bool quiet = false;
    bool idle = false;
    bool silent = false;
    std::string silence;
    std::vector<int> done;
  };
  /// What may have ended the attempt.
  struct Suspect {
    Clock::time_point at;
    Ending ending;
    bool lost_host = false;
  };

  void On(const std::string& host, const HostReady& report);
  void On(const std::string& host, const HostUnable& report);
  void On(const std::string& host, const HostServing& report);
  void On(const std::string& host, const RankFailed& report);
  void On(const std::string& host, const HostFinished& report);
  void On(const std::string& host, const HostQuiet& report);
  void On(const std::string& host, const HostIdle& report);
  void On(const std::string& host, const HostStopping& report);
  void On(const std::string& host, const HostStalled& report);

  std::vector<std::string> Missing() const;
  void SayMissing(std::chrono::seconds after);
  void Begin();
  void StartLeader();
  void CheckDone();
  void CheckQuiet();
  void Suspected(Suspect suspect);
  void StopAll(StopAllOrder order);
  bool WorkIsDone() const;
  void CheckIdle();
  void Settle();
  std::string DoneText() const;
  Ending Culprit() const;
  void End(Ending ending);
  void CheckOver();
  bool AllPresent(bool Host::* what) const;

  EventLoop& loop_;
  const LeaderOptions options_;
  const Send send_;
  const std::function<void()> over_;
  std::map<std::string, Host> hosts_;
  State state_ = State::kGathering;
  int attempt_ = 0;
  bool leader_started_ = false;
  std::vector<Suspect> suspects_;
  std::optional<Ending> stop_;  // the platform's: no restart, and no culprit
  bool serves_on_ = false;      // StopAllOrder::serve_on of the present stop
  bool again_ = true;           // a restart is possible
  EventLoop::Timer deadline_ = 0;
  EventLoop::Timer missing_ = 0;
  std::optional<Ending> ending_;
  bool told_over_ = false;
};

}  // namespace berth::training
