// This host's part of a distributed job: runs what the leader orders, and tells it what comes of
// it.
//
// One attempt: the launcher's command under process::Supervise(), the ranks' output and ends
// through a RankHost beside it, in one thread. docs/how-a-job-stops.md tells the order of an end.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/descriptor.h"
#include "core/event_loop.h"
#include "core/secrets.h"
#include "launch/launcher.h"
#include "process/held_signals.h"
#include "ranks/rank_host.h"
#include "ranks/watchdog.h"
#include "training/distributed/launcher_output.h"
#include "training/distributed/messages.h"

namespace berth::training {

/// What a command leaves behind lives so much longer.
inline constexpr std::chrono::milliseconds kLeftBehind{500};
/// After the end of an attempt output that nobody reads is waited for so long.
inline constexpr std::chrono::milliseconds kOutputDeadline{2'000};

struct HostRunOptions {
  launch::Launcher& launcher;
  const process::HeldSignals& held;
  /// This host's name.
  std::string host;
  ranks::WatchdogSettings watchdog;
  /// From a signal to SIGKILL.
  std::chrono::milliseconds grace{};
  const Secrets& secrets;
  /// Of each rank's stderr, and of the command's.
  size_t tail_bytes = 0;
};

class HostRun {
 public:
  /// `tell` must not call back into this.
  HostRun(EventLoop& loop, HostRunOptions options, std::function<void(const Report&)> tell);
  HostRun(const HostRun&) = delete;
  HostRun& operator=(const HostRun&) = delete;
  ~HostRun();

  /// From the loop.
  void Obey(const Order& order);

  /// Runs the loop, and what was ordered, until the job is over. Blocks; once.
  Ending Run();

  /// When this host was asked to stop by a signal.
  std::optional<EventLoop::Clock::time_point> stop_asked() const { return stop_asked_; }

 private:
  using Clock = EventLoop::Clock;
  enum class Stopping { kNo, kAsked, kKilling };
  /// What the leader knows of this host's ranks.
  enum class Stall { kNone, kSilent, kAstray };

  void Do(const StartOrder& order);
  void Do(const StopAllOrder& order);
  void Do(const EndOrder& order);

  void Wait();
  void OnSignal(int signal);
  void RunAttempt(const StartOrder& order);
  Result<void> Prepare(const StartOrder& order);
  void AwaitReadyFile();
  void Supervise();
  void CommandEnded(const process::Outcome& outcome);
  void Drain();

  void OnRankStarted(int rank);
  void OnRankEnded(const ranks::RankEnd& end);
  void TellQuiet();
  std::optional<process::StopOrder> StopOrderNow();

  void Watch();
  void LookAgain();
  void Look();
  void TellStall(const std::string& text, bool alone);

  EventLoop& loop_;
  const HostRunOptions options_;
  const std::function<void(const Report&)> tell_;

  std::optional<StartOrder> start_;
  std::optional<Ending> ending_;
  bool signal_seen_ = false;
  std::optional<Clock::time_point> stop_asked_;

  // Of the attempt; `plan_` is there while it runs.
  int attempt_ = 0;
  std::optional<launch::Plan> plan_;
  std::unique_ptr<ranks::RankHost> ranks_;
  Descriptor ready_watch_;
  LauncherOutput launcher_output_;
  bool rank_seen_ = false;
  std::vector<int> done_;             // ranks that ended well before anybody told them to
  std::optional<RankFailed> failed_;  // the first since the ranks started, where it may not count
  Clock::time_point failed_at_;
  std::optional<StopAllOrder> stop_;
  bool command_ended_ = false;
  Clock::time_point command_ended_at_;
  bool command_ended_first_ = false;  // before anybody told it to
  Clock::time_point kill_at_;
  EventLoop::Timer kill_ = 0;
  bool finish_serving_ = false;
  bool told_again_ = false;  // a second order came
  bool quiet_told_ = false;
  Stopping told_command_ = Stopping::kNo;
  std::optional<ranks::Watchdog> watchdog_;
  EventLoop::Timer look_ = 0;
  Stall told_ = Stall::kNone;
};

}  // namespace berth::training
