// One run of Supervise(): its state, and the steps of its loop.
#pragma once

#include <chrono>
#include <optional>

#include "core/error.h"
#include "process/descendants.h"
#include "process/memory_events.h"
#include "process/output_pump.h"
#include "process/signals.h"
#include "process/standard_streams.h"
#include "process/supervisor.h"
#include "process/terminal.h"

namespace berth::process {

/// Phases: the command runs; it has ended and others of its family live (`left_`); all have ended
/// and the last output is passed on. Everything waits in one poll() for signals, for output, for a
/// slow reader, and for the nearest of the deadlines below.
class Supervision {
 public:
  Supervision(const Command& command, const SuperviseOptions& options);

  [[nodiscard]] Result<Outcome> Run();

 private:
  using Clock = std::chrono::steady_clock;
  using Time = std::optional<Clock::time_point>;

  [[nodiscard]] Result<void> Start();
  [[nodiscard]] Result<void> MakePumps(Descriptor* output, Descriptor* error);
  void Wait();
  void Pump();

  void TakeSignals();
  void Reap();
  void CommandEnded(int status);
  bool KeepsOrphans() const {
    return options_.keep_orphans && outcome_.stopped_by == StoppedBy::kNobody;
  }

  void AskBeside();
  void Stop(StoppedBy by, int signal, std::chrono::milliseconds grace);
  void ForwardToGroup(int signal) const;
  void KillAll();
  void CheckTimers();

  bool Finished() const;
  Time NextTimer() const;
  void Conclude();

  const Command& command_;
  const SuperviseOptions& options_;

  // In this order: descriptors 0 to 2 are taken before anything opens others.
  StandardStreams standard_streams_;
  SignalGuard signals_;
  Terminal terminal_;
  OrphanReaper reaper_;
  Descendants descendants_;
  OutOfMemoryCounter out_of_memory_;
  std::optional<uint64_t> out_of_memory_before_;

  // `output_` is empty where both streams are one: then `error_` is it. Both are where the command
  // writes to where they go itself.
  std::optional<OutputPump> output_;
  std::optional<OutputPump> error_;

  pid_t pid_ = -1;
  bool ended_ = false;  // the command itself, reaped
  bool left_ = false;   // others of its family live
  bool killed_ = false;

  Clock::time_point started_;
  Time deadline_;      // the command's, from the options
  Time kill_at_;       // SIGTERM was not enough
  Time give_up_at_;    // nor was SIGKILL
  Time output_until_;  // asked to stop, and the reader stands still

  Outcome outcome_;
};

}  // namespace berth::process
