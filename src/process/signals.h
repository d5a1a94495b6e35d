// The signals that a supervisor takes, and how the child gets back what our caller had.
#pragma once

#include <csignal>
#include <optional>

#include "core/descriptor.h"

namespace berth::process {

/// While it lives, the signals that a supervisor forwards and SIGCHLD are blocked and readable
/// from descriptor(); SIGPIPE, SIGXFSZ, SIGTTIN and SIGTTOU are blocked, so that a write to a
/// broken pipe, a full quota or a terminal gives an error and nothing else.
///
/// A signal that our caller ignores is left alone: `nohup berth …` outlives its terminal, and a
/// shell's background job its shell's Ctrl-C, and so do their commands.
class SignalGuard {
 public:
  /// The child's mask is `child_mask`, else our caller's.
  explicit SignalGuard(const std::optional<sigset_t>& child_mask);
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  /// Drops the SIGCHLD and SIGPIPE that supervising caused and puts everything back. A signal
  /// that came too late to be forwarded then acts on this process.
  ~SignalGuard();

  /// Non-blocking, a signalfd; empty (with errno) where the kernel refused.
  const Descriptor& descriptor() const { return descriptor_; }

  /// Between fork and exec in a child that shares our memory: nothing but system calls. Signals
  /// we catch get their default back, ignored ones stay ignored, and the mask is our caller's.
  void RestoreInChild() const;

 private:
  sigset_t caller_mask_{};
  sigset_t child_mask_{};
  sigset_t pending_before_{};
  struct sigaction caller_child_action_{};
  Descriptor descriptor_;
};

/// Blocks every signal while it lives: around a clone that shares memory.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked();
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked();

 private:
  sigset_t before_{};
};

/// SIGTERM, SIGINT, SIGHUP, SIGQUIT: forwarded, and the grace period begins.
bool IsStopSignal(int signal);

/// Those of the signals a supervisor forwards that our caller does not ignore.
sigset_t TakenSignals();

/// For main(): a log line into a pipe whose reader has gone must not kill us. An empty handler
/// and not SIG_IGN, which our children would inherit; where our caller ignores SIGPIPE it stays
/// ignored.
void SurviveBrokenPipes();

}  // namespace berth::process
