#include "ranks/stacks.h"

#include <dirent.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <memory>
#include <string_view>

#include "core/descriptor.h"

namespace berth::ranks {
namespace {

/// How long one process may take for its stacks until the next is asked, and all together: this
/// holds up the caller's loop.
constexpr std::chrono::milliseconds kOne{100};
constexpr std::chrono::milliseconds kOneByOne{500};

void ForbidCore(pid_t pid) {
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_CORE, nullptr, &limit) != 0) return;
  // One byte, not none: with 0 the kernel still feeds a core to a program that is set up for it
  // (core_pattern with a '|'); 1 it takes as the mark that forbids that as well.
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, 1);
  limit.rlim_cur = limit.rlim_max;
  ::prlimit(pid, RLIMIT_CORE, &limit, nullptr);
}

/// To the first thread: of one that is stopped any thread would take it when it is woken, while the
/// first went on.
void Abort(pid_t pid) {
  if (::syscall(SYS_tgkill, pid, pid, SIGABRT) != 0) ::kill(pid, SIGABRT);
  ::kill(pid, SIGCONT);
}

}  // namespace

void AbortWithStacks(const std::vector<pid_t>& groups) {
  std::vector<pid_t> others;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  while (const dirent* entry = proc ? ::readdir(proc.get()) : nullptr) {
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    const pid_t group = ::getpgid(pid);
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) continue;
    ForbidCore(pid);
    if (pid != group) others.push_back(pid);
  }
  // One after the other: they share a pipe, and faulthandler writes a line in pieces. The leader
  // last: it would end when its children do, and launchers end what is left when it has.
  for (const pid_t group : groups) ::kill(group, SIGSTOP);
  const auto deadline = std::chrono::steady_clock::now() + kOneByOne;
  for (const pid_t pid : others) {
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    Abort(pid);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd ended{process.get(), POLLIN, 0};
    if (process && left.count() > 0) {
      ::poll(&ended, 1, static_cast<int>(std::min(left, kOne).count()));
    }
  }
  for (const pid_t group : groups) {
    Abort(group);
    ::kill(-group, SIGCONT);
  }
}

}  // namespace berth::ranks
