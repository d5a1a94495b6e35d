#include "process/parent.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

namespace berth::process {

void EndWithParent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::kill(::getpid(), SIGTERM);
}

}  // namespace berth::process
