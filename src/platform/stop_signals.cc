#include "platform/stop_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

namespace berth::platform {

Result<StopSignals> StopSignals::Take() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    struct sigaction present{};
    ::sigaction(signal, nullptr, &present);
    // A blocked signal is queued even where it is ignored: leave those out.
    if (present.sa_handler != SIG_IGN) sigaddset(&wanted, signal);
  }
  StopSignals signals;
  signals.fd_ = Descriptor(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.fd_) return FailErrno("cannot wait for signals");
  ::sigprocmask(SIG_BLOCK, &wanted, &signals.old_mask_);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &signals.old_pipe_);
  return signals;
}

StopSignals::StopSignals(StopSignals&& other) noexcept
    : fd_(std::move(other.fd_)), old_mask_(other.old_mask_), old_pipe_(other.old_pipe_) {}

StopSignals::~StopSignals() {
  if (!fd_) return;
  while (Read()) {
  }
  ::sigaction(SIGPIPE, &old_pipe_, nullptr);
  ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

std::optional<int> StopSignals::Read() {
  signalfd_siginfo info;
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace berth::platform
