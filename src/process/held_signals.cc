#include "process/held_signals.h"

#include <sys/signalfd.h>

#include <array>

namespace berth::process {
namespace {

constexpr std::array kEnding = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};

}  // namespace

sigset_t ForwardedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kEnding) sigaddset(&set, signal);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  return set;
}

HeldSignals::HeldSignals() {
  const sigset_t held = ForwardedSignals();
  ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  sigset_t ending;
  sigemptyset(&ending);
  for (const int signal : kEnding) sigaddset(&ending, signal);
  descriptor_ = Descriptor(::signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
}

HeldSignals::~HeldSignals() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int HeldSignals::Pending() const {
  sigset_t pending;
  ::sigpending(&pending);
  for (const int signal : kEnding) {
    if (sigismember(&pending, signal) == 1) return signal;
  }
  return 0;
}

}  // namespace berth::process
