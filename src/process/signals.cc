#include "process/signals.h"

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <ctime>

namespace berth::process {
namespace {

constexpr std::array kForwarded = {SIGTERM, SIGINT,  SIGHUP,  SIGQUIT,
                                   SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT};
constexpr std::array kSilenced = {SIGPIPE, SIGXFSZ, SIGTTIN, SIGTTOU};

/// What the kernel's rt_sigaction takes. We call it directly in the child, whose memory is the
/// parent's: a library's or a sanitizer's own notes about handlers must not change there.
struct KernelAction {
  void (*handler)(int) = SIG_DFL;
  unsigned long flags = 0;
  void (*restorer)() = nullptr;
  unsigned long mask = 0;
};
constexpr size_t kKernelMaskBytes = 8;

bool Ignored(int signal) {
  struct sigaction action{};
  return ::sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
         action.sa_handler == SIG_IGN;
}

}  // namespace

sigset_t TakenSignals() {
  sigset_t taken;
  ::sigemptyset(&taken);
  for (const int signal : kForwarded) {
    if (!Ignored(signal)) ::sigaddset(&taken, signal);
  }
  return taken;
}

SignalGuard::SignalGuard(const std::optional<sigset_t>& child_mask) {
  sigset_t taken = TakenSignals();
  ::sigaddset(&taken, SIGCHLD);
  sigset_t blocked = taken;
  for (const int signal : kSilenced) ::sigaddset(&blocked, signal);
  ::sigpending(&pending_before_);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &caller_mask_);
  child_mask_ = child_mask.value_or(caller_mask_);

  // Under SIG_IGN the kernel reaps children itself and their status is lost.
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &standard, &caller_child_action_);
  descriptor_ = Descriptor(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
}

SignalGuard::~SignalGuard() {
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int signal : {SIGCHLD, SIGPIPE, SIGXFSZ}) {
    if (::sigismember(&pending_before_, signal) == 0) ::sigaddset(&ours, signal);
  }
  const timespec now{};
  while (::sigtimedwait(&ours, nullptr, &now) > 0) {
  }
  ::sigaction(SIGCHLD, &caller_child_action_, nullptr);
  ::pthread_sigmask(SIG_SETMASK, &caller_mask_, nullptr);
}

void SignalGuard::RestoreInChild() const {
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    KernelAction action;
    if (::syscall(SYS_rt_sigaction, signal, nullptr, &action, kKernelMaskBytes) != 0) continue;
    if (action.handler == SIG_DFL || action.handler == SIG_IGN) continue;
    const KernelAction standard;
    ::syscall(SYS_rt_sigaction, signal, &standard, nullptr, kKernelMaskBytes);
  }
  if (caller_child_action_.sa_handler == SIG_IGN) {
    const KernelAction ignore{.handler = SIG_IGN};
    ::syscall(SYS_rt_sigaction, SIGCHLD, &ignore, nullptr, kKernelMaskBytes);
  }
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &child_mask_, nullptr, kKernelMaskBytes);
}

AllSignalsBlocked::AllSignalsBlocked() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

AllSignalsBlocked::~AllSignalsBlocked() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool IsStopSignal(int signal) {
  return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
}

void SurviveBrokenPipes() {
  if (Ignored(SIGPIPE)) return;
  struct sigaction action{};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGPIPE, &action, nullptr);
}

}  // namespace berth::process
