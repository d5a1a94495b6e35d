#include "process/held_signals.h"

#include <sys/signalfd.h>

#include "process/signals.h"

namespace berth::process {

HeldSignals::HeldSignals() {
  sigset_t held = TakenSignals();
  ::sigaddset(&held, SIGCHLD);
  ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  ::sigemptyset(&ending_);
  for (int signal = 1; signal < NSIG; ++signal) {
    if (IsStopSignal(signal) && ::sigismember(&held, signal) == 1) ::sigaddset(&ending_, signal);
  }
  descriptor_ = Descriptor(::signalfd(-1, &ending_, SFD_CLOEXEC | SFD_NONBLOCK));
}

HeldSignals::~HeldSignals() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int HeldSignals::Pending() const {
  sigset_t pending;
  ::sigpending(&pending);
  for (int signal = 1; signal < NSIG; ++signal) {
    if (::sigismember(&ending_, signal) == 1 && ::sigismember(&pending, signal) == 1) return signal;
  }
  return 0;
}

}  // namespace berth::process
