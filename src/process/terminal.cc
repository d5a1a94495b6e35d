#include "process/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace berth::process {
namespace {

/// Stops this process as `signal` does by default, until somebody sends SIGCONT. The kernel
/// leaves out a stop that nobody could end: of PID 1, and of a group without a shell.
void StopSelf(int signal) {
  struct sigaction standard{}, before{};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, &before);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::raise(signal);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);  // here we stand still
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::sigaction(signal, &before, nullptr);
}

/// No shell of our session watches over our group: nobody will bring it to the foreground.
bool Orphaned() {
  const pid_t parent = ::getppid();
  return ::getsid(parent) != ::getsid(0) || ::getpgid(parent) == ::getpgrp();
}

void Continue(pid_t group) {
  ::kill(-group, SIGCONT);
}

}  // namespace

void Terminal::Give(pid_t group) {
  if (::tcgetpgrp(terminal_.get()) == ::getpgrp() && ::tcsetpgrp(terminal_.get(), group) == 0) {
    given_to_ = group;
  }
}

void Terminal::TakeBack() {
  if (given_to_ > 0 && ::tcgetpgrp(terminal_.get()) == given_to_) {
    ::tcsetpgrp(terminal_.get(), ::getpgrp());  // SIGTTOU is blocked
  }
  given_to_ = 0;
}

void Terminal::CommandStopped(pid_t group, int signal) {
  if (signal == SIGTSTP && given_to_ == group) {  // Ctrl-Z reached it alone
    TakeBack();
    ::kill(0, SIGTSTP);  // our neighbours in a pipeline; our own waits, blocked, for StopSelf()
    StopSelf(SIGTSTP);
    Give(group);
    Continue(group);
    return;
  }
  if (signal != SIGTTIN && signal != SIGTTOU) return;  // somebody's wish; SIGCONT is theirs too
  if (!terminal_) terminal_ = Descriptor(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal_) return;
  Give(group);
  if (given_to_ != group) {
    // We are in the background ourselves: let the shell see a job that waits for the terminal.
    // Without a shell the kernel's own rule for stopped orphans is SIGHUP.
    if (Orphaned()) {
      ::kill(-group, SIGHUP);
    } else {
      StopSelf(signal);
      Give(group);
    }
  }
  Continue(group);
}

void Terminal::Suspend(pid_t group) {
  ::kill(-group, SIGTSTP);
  StopSelf(SIGTSTP);
  Continue(group);
}

}  // namespace berth::process
